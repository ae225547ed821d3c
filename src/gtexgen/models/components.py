"""Build an object from a config that names its class, from trusted packages only."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping, Sequence
from inspect import Parameter
from typing import Any, TypeVar

from gtexgen.errors import ConfigError

__all__ = ["IMPORTABLE", "TRUSTED", "build_component", "find_class"]

TRUSTED = ("gtexgen.",)
"""The packages that a config may name classes of, unless the caller trusts more."""

IMPORTABLE = ("",)
"""Trusts every class that can be imported: only for what the settings of the user's own run name."""

T = TypeVar("T")


def find_class(target: str, expected: type[T], *, trusted: Sequence[str] = TRUSTED) -> type[T]:
    """Find the class that a dotted path names.

    Parameters
    ----------
    target
        Such as ``"gtexgen.models.heads.cvae.CVAE"``.
    expected
        The class that it must be, or derive from.
    trusted
        Prefixes, each ending in a dot. Nothing outside them is imported, and a class that a trusted module
        only imported from elsewhere is refused: a config that someone else wrote runs none of their code.

    Raises
    ------
    ConfigError
        Where the path is outside the trusted packages, does not exist or is not such a class.
    """
    module_name, _, name = target.rpartition(".")
    if not target.startswith(tuple(trusted)):
        raise ConfigError(f"_target_: {target!r} is not in a trusted package ({', '.join(trusted)})")
    if not (module_name and all(part.isidentifier() for part in target.split("."))):
        raise ConfigError(f"_target_: {target!r} is not the dotted path of a class, such as my_package.my_module.Name")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"_target_: no module {error.name!r}, asked for by {target!r}; "
            "modules are looked for in installed packages and in PYTHONPATH"
        ) from error
    choices: dict[str, type[T]] = {
        key: value for key, value in vars(module).items() if _is_choice(value, expected, module_name)
    }
    if name not in choices:
        known = ", ".join(choices) or "none"
        raise ConfigError(f"_target_: {target!r} is not a {expected.__name__}; {module_name} has: {known}")
    return choices[name]


def build_component(
    config: Mapping[str, Any], expected: type[T], *, trusted: Sequence[str] = TRUSTED, **given: object
) -> T:
    """Build the object that a config describes.

    Parameters
    ----------
    config
        ``_target_``, the dotted path of a class, and the keyword arguments of its constructor.
    expected
        The class that the object must be an instance of.
    trusted
        As for `find_class`.
    **given
        What the program knows and a config cannot, such as ``n_genes``; passed on where the constructor asks
        for it.

    Raises
    ------
    ConfigError
        Where the class is not to be had, or an option is unknown, missing or of the wrong type; the message
        lists the valid ones.
    """
    options = dict(config)
    target = options.pop("_target_", None)
    if not isinstance(target, str):
        raise ConfigError(f"a {expected.__name__} needs a _target_, the path of its class; got {dict(config)}")
    cls = find_class(target, expected, trusted=trusted)
    accepted = _keywords(cls)
    settable = [name for name in accepted if name not in given]
    unknown = [name for name in options if name not in settable]
    missing = [name for name in settable if accepted[name].default is Parameter.empty and name not in options]
    if unknown or missing:
        problem = f"unknown option {unknown[0]!r}" if unknown else f"option {missing[0]!r} is missing"
        raise ConfigError(f"{target}: {problem}; its options are: {', '.join(settable) or 'none'}")
    for name, value in options.items():
        _check_type(f"{target}: {name}", value, accepted[name].annotation)
    return cls(**options, **{name: value for name, value in given.items() if name in accepted})


def _keywords(cls: type) -> dict[str, Parameter]:
    """Give what the constructor takes by name, its annotations evaluated."""
    kinds = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    signature = inspect.signature(cls, eval_str=True)
    return {name: parameter for name, parameter in signature.parameters.items() if parameter.kind in kinds}


def _is_choice(value: object, expected: type, module_name: str) -> bool:
    return (
        inspect.isclass(value)
        and issubclass(value, expected)
        and value.__module__ == module_name
        and not inspect.isabstract(value)
    )


def _check_type(name: str, value: object, annotation: Any) -> None:
    """Check a value where the annotation is a plain type; the constructor checks the rest."""
    if annotation not in (bool, int, float, str):
        return
    accepted = (int, float) if annotation is float else annotation
    if not isinstance(value, accepted) or (isinstance(value, bool) and annotation is not bool):
        raise ConfigError(f"{name} must be of type {annotation.__name__}, not {value!r}")
