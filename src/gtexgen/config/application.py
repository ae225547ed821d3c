"""Runs a command as a Hydra application whose errors a user can read."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from gtexgen.config.locations import conf_folder
from gtexgen.config.resolvers import register_resolvers
from gtexgen.config.validation import did_you_mean
from gtexgen.errors import GtexgenError

__all__ = ["run_application"]

_FULL_ERROR = "HYDRA_FULL_ERROR"
OMEGACONF_DETAILS = ("    full_key:", "    object_type=")


def run_application(config_name: str, task: Callable[[DictConfig], None]) -> None:
    """Compose ``conf/<config_name>.yaml`` with the command line and call `task` with the result.

    An error that the user can mend is printed without a traceback and ends the process with status 1; with
    ``HYDRA_FULL_ERROR=1`` in the environment every traceback is shown.
    """
    register_resolvers()
    show_traceback = os.environ.get(_FULL_ERROR) == "1"
    os.environ[_FULL_ERROR] = "1"  # Hydra then raises its errors instead of printing them
    application = hydra.main(config_path=str(conf_folder()), config_name=config_name, version_base="1.3")(task)
    try:
        application()
    except (GtexgenError, HydraException, OmegaConfBaseException) as error:
        if show_traceback:
            raise
        _fail(_explain(error, config_name))
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)


def _fail(message: str) -> NoReturn:
    print(f"Error: {message}\n\nSet {_FULL_ERROR}=1 for the traceback.", file=sys.stderr)
    sys.exit(1)


def _explain(error: BaseException, config_name: str) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, GtexgenError):
            return str(cause)
        cause = cause.__cause__
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, choice = error.missing_cfg_file.rpartition("/")
        choices = error.options or [path.stem for path in (conf_folder() / group).glob("*.yaml")]
        return f"there is no choice '{choice}' in the group '{group}'.{did_you_mean(choice, choices)}"
    message = "\n".join(line for line in str(error).splitlines() if not line.startswith(OMEGACONF_DETAILS))
    misspelt = re.match(r"Could not (?:override|append to config|delete from config)[^']*'([^'@]+)", message)
    return _no_such_setting(misspelt[1], config_name) if misspelt else message


def _no_such_setting(key: str, config_name: str) -> str:
    """List what stands where the first unknown part of `key` was looked for."""
    node: Any = _composed(config_name)
    for part in key.split("."):
        if not isinstance(node, DictConfig):
            break
        if (owners := _choices_with_group(part)) is not None:
            return f"the group '{part}' belongs to {owners}, which is not chosen"
        if part not in node:
            return f"there is no setting '{key}'.{did_you_mean(part, map(str, node))}"
        node = node[part]
    return f"'{key}' cannot be set like this; its value is {node}"


def _choices_with_group(name: str) -> str | None:
    """Name the choices that a nested group such as ``model/graph`` belongs to; None where there is no such group."""
    parent, _, group = name.rpartition("/")
    if not parent or not (conf_folder() / name).is_dir():
        return None
    owners = [path.stem for path in (conf_folder() / parent).glob("*.yaml") if f"- {group}:" in path.read_text()]
    return " and ".join(f"{parent}={owner}" for owner in owners) or None


def _composed(config_name: str) -> DictConfig:
    """Compose the configuration under the groups chosen on the command line, without its other settings."""
    arguments = get_args_parser().parse_args()
    choices = [text for text in arguments.overrides if "." not in text.partition("=")[0]]
    if arguments.config_dir:
        choices.append(f"hydra.searchpath=[file://{Path(arguments.config_dir).resolve()}]")
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        try:
            return compose(config_name, overrides=choices)
        except HydraException:
            return compose(config_name)
