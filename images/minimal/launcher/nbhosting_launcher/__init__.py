"""Starts a workspace's Jupyter server on the socket that systemd hands over."""
