"""The programs of images/toolbox, run on this computer on files as they come."""
