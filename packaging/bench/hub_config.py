"""JupyterHub as it is set up to be measured: local processes, no authentication in the way, nothing that slows it."""

import os
import sys
from pathlib import Path

place = Path("/var/cache/nbhostd-bench")
port = int(os.environ["BENCH_HUB_PORT"])

c = get_config()  # type: ignore[name-defined]  # noqa: F821 - given by JupyterHub
c.JupyterHub.bind_url = f"http://127.0.0.1:{port}"
c.JupyterHub.hub_port = port + 2
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{port + 1}"
c.ConfigurableHTTPProxy.command = [str(place / "npm/node_modules/.bin/configurable-http-proxy")]
c.JupyterHub.authenticator_class = "jupyterhub.auth.DummyAuthenticator"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "jupyterhub.spawner.SimpleLocalProcessSpawner"
c.Spawner.cmd = [str(Path(sys.executable).parent / "jupyterhub-singleuser")]
c.Spawner.default_url = "/lab"
# Its own limits would make students of a crowd start again; they wait, as ours do.
c.JupyterHub.concurrent_spawn_limit = int(os.environ.get("BENCH_HUB_SPAWNS", "100"))
c.Spawner.start_timeout = c.Spawner.http_timeout = 600
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
c.JupyterHub.log_level = "WARN"
c.JupyterHub.services = [{"name": "bench", "api_token": os.environ["BENCH_HUB_TOKEN"]}]
c.JupyterHub.load_roles = [
    {
        "name": "bench",
        "services": ["bench"],
        "scopes": ["admin:users", "admin:servers", "access:servers", "list:users", "read:users", "servers"],
    }
]
