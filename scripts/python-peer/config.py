"""Settings of the Python Stats Service. The environment variables PEER_* hold those that differ between runs."""

import os
from urllib.parse import urlsplit

_database = urlsplit(os.environ["PEER_DATABASE"])

HOST = "127.0.0.1"
PORT = 0
DEBUG = False
TESTING = False
SECRET_KEY = "peer"
INSTANCE_URL = "http://127.0.0.1"
ADMIN_EMAIL = "admin@example.org"
ADMIN_URL = "https://example.org"
# Port 1 refuses connections: a test must not reach a real platform or instance.
MOSP_URL = "http://127.0.0.1:1"
REMOTE_STATS_SERVER = os.environ.get("PEER_REMOTE", "http://127.0.0.1:1")
REMOTE_STATS_TOKEN = os.environ.get("PEER_REMOTE_TOKEN", "")
LOG_PATH = os.environ["PEER_LOG"]
DATABASE_NAME = _database.path[1:]
DB_CONFIG_DICT = {"user": _database.username, "password": "", "host": _database.hostname, "port": _database.port}
SQLALCHEMY_DATABASE_URI = "postgresql" + os.environ["PEER_DATABASE"].removeprefix("postgres")
SQLALCHEMY_TRACK_MODIFICATIONS = False
