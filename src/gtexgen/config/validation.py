"""Checks a composed configuration against its schema, and says what would have been right."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, MissingMandatoryValue, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException, ValidationError

from gtexgen.config.schema import BASELINE_SCHEMAS, DATA_SCHEMAS
from gtexgen.errors import ConfigError

__all__ = ["did_you_mean", "validate"]

Settings = TypeVar("Settings")

VARIANTS = {"data": ("source", DATA_SCHEMAS), "model": ("baseline", BASELINE_SCHEMAS)}
"""The sections whose schema is chosen by one of their keys, where a command leaves their type open."""


def validate(config: DictConfig, schema: type[Settings]) -> Settings:
    """Return `config` as an instance of the dataclass `schema`.

    Parameters
    ----------
    config
        What Hydra composed from ``conf/``, the user's files and the command line.
    schema
        A class of :mod:`gtexgen.config.schema`.

    Raises
    ------
    ConfigError
        If a key is unknown or has no value, or a value has the wrong type or lies out of its range. The
        message names the key and what it may be.
    """
    settings = _convert(config, schema, prefix="")
    plain = _plain(config)
    for name, (key, schemas) in VARIANTS.items():
        if get_type_hints(schema).get(name) is Any and plain[name] is not None:
            setattr(settings, name, _variant(OmegaConf.create(plain[name]), name, key, schemas))
    return settings


def _variant(config: DictConfig, name: str, key: str, schemas: Mapping[str, type]) -> Any:
    """Convert a section whose schema one of its keys decides."""
    if (chosen := config.get(key)) not in schemas:
        raise ConfigError(f"{name}.{key} = {chosen!r}: must be one of: {', '.join(schemas)}")
    return _convert(config, schemas[chosen], prefix=f"{name}.")


def did_you_mean(key: str, known: Iterable[str]) -> str:
    """Return a sentence that lists the `known` names and, where one is close to `key`, suggests it."""
    names = sorted(known)
    close = difflib.get_close_matches(key, names, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return f"{hint} Valid choices: {', '.join(names)}."


def _plain(config: DictConfig) -> dict[str, Any]:
    """Return `config` with its interpolations filled in; values that are still to be given stay ``???``."""
    return cast("dict[str, Any]", OmegaConf.to_container(config, resolve=True))


def _convert(config: DictConfig, schema: type[Settings], prefix: str) -> Settings:
    try:
        merged = OmegaConf.merge(OmegaConf.structured(schema), config)
        settings = cast("Settings", OmegaConf.to_object(merged))
    except ConfigKeyError as error:
        raise ConfigError(_unknown_key(error, schema, prefix)) from error
    except ValidationError as error:
        raise ConfigError(f"{prefix}{error.full_key}: {_wrong_type(error)}") from error
    except MissingMandatoryValue as error:
        raise ConfigError(
            f"{prefix}{error.full_key} must be given a value: add {prefix}{error.full_key}=..."
        ) from error
    except OmegaConfBaseException as error:
        raise ConfigError(f"{prefix}{error.full_key or ''}: {_first_line(error)}") from error
    for problem in _out_of_range(settings, prefix):
        raise ConfigError(problem)
    return settings


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _wrong_type(error: ValidationError) -> str:
    message = _first_line(error)
    return "must be a list, for example [first, second]" if "is not a ListConfig" in message else message


def _unknown_key(error: ConfigKeyError, schema: type, prefix: str) -> str:
    full_key = str(error.full_key)
    *parents, key = full_key.split(".")
    for parent in parents:
        hint = get_type_hints(schema)[parent]
        schema = get_args(hint)[1] if get_origin(hint) is dict else hint
    return f"there is no setting '{prefix}{full_key}'.{did_you_mean(key, get_type_hints(schema))}"


def _out_of_range(settings: Any, prefix: str) -> Iterator[str]:
    for name, hint in get_type_hints(type(settings), include_extras=True).items():
        value = getattr(settings, name)
        key = f"{prefix}{name}"
        for allowed in getattr(hint, "__metadata__", ()):
            if not allowed.admits(value):
                yield f"{key} = {value!r}: {allowed.words}"
        if dataclasses.is_dataclass(value):
            yield from _out_of_range(value, f"{key}.")
        elif isinstance(value, dict):
            for entry, member in value.items():
                if dataclasses.is_dataclass(member):
                    yield from _out_of_range(member, f"{key}.{entry}.")
