"""The images, tried as the daemon uses them: real systemd, real Podman, no daemon."""
