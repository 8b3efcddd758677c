"""nbhostd hosts Jupyter notebooks for a class: one asyncio daemon over systemd and rootless Podman."""

__version__ = "0.1.0"
