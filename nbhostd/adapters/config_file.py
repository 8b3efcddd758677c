"""The administrator's files: nbhostd.toml and the launch keys."""

from __future__ import annotations

import tomllib
from pathlib import Path

from nbhostd.core.access import Keyring, parse_keys
from nbhostd.core.config import Config, parse_config
from nbhostd.core.errors import ConfigError


def read_config(path: Path) -> Config:
    """The configuration in a file. Raises ConfigError with every fault, each starting with the file's name."""
    try:
        document = tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError((f"{path}: {error}",)) from error
    try:
        return parse_config(document)
    except ConfigError as error:
        raise ConfigError(tuple(f"{path}: {fault}" for fault in error.faults)) from error


def read_keyring(path: Path) -> Keyring:
    """The launch keys in a file. Raises ConfigError."""
    return parse_keys(_text(path))


def read_secret(path: Path) -> str:
    """The secret in a file, without what an editor puts around it; '' when there is no file. Raises ConfigError."""
    return _text(path).strip() if path.exists() else ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError((f"{path}: cannot be read: {error}",)) from error
