from __future__ import annotations

import pytest
from omegaconf import DictConfig, OmegaConf

from gtexgen.config.schema import DemoSettings, FilesSettings, PrepareSettings
from gtexgen.config.validation import did_you_mean, validate
from gtexgen.errors import ConfigError

SELECT: dict[str, object] = {
    "genes": None,
    "top_variance": None,
    "min_expression": None,
    "tissues": None,
    "where": {},
    "min_samples": 1,
    "incomplete": "error",
}


def prepare_config(**changes: object) -> DictConfig:
    demo = {
        "source": "demo",
        "name": "demo",
        "donors": 20,
        "samples": 200,
        "genes": 30,
        "units": "TPM",
        "seed": 0,
        "select": SELECT,
    }
    config = OmegaConf.create({"store": None, "overwrite": False, "outputs": "outputs", "data": demo})
    for key, value in changes.items():
        OmegaConf.update(config, key.replace("__", "."), value, merge=False, force_add=True)
    return config


def test_valid_settings_become_typed_objects() -> None:
    settings = validate(prepare_config(), PrepareSettings)
    assert isinstance(settings.data, DemoSettings)
    assert settings.data.donors == 20
    assert settings.data.select.incomplete == "error"


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("data__donors", "many", "data.donors: Value 'many' of type 'str' could not be converted to Integer"),
        ("data__donors", -5, "data.donors = -5: must be 10 or more"),
        ("data__units", "reads", "data.units = 'reads': must be one of: TPM, counts"),
        ("data__donrs", 50, "there is no setting 'data.donrs'. Did you mean 'donors'?"),
        (
            "data__select__incomplete",
            "ignore",
            "data.select.incomplete = 'ignore': must be one of: error, drop",
        ),
        ("data__select__tissues", "Lung", "data.select.tissues: must be a list"),
        ("data__source", "web", "data.source = 'web': must be one of: demo, gtex, files"),
        ("overwrite", "perhaps", "overwrite: Value 'perhaps' is not a valid bool"),
        ("stor", "x", "there is no setting 'stor'. Did you mean 'store'? Valid choices: data, outputs,"),
    ],
)
def test_a_wrong_setting_is_named_with_what_would_be_right(key: str, value: object, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(prepare_config(**{key: value}), PrepareSettings)
    assert expected in str(caught.value)


def test_a_missing_value_is_asked_for_by_name() -> None:
    columns = dict.fromkeys(("sample", "donor", "tissue", "subtissue", "subject", "sex", "age"), "x")
    files = {
        "source": "files",
        "name": "files",
        "expression": "???",
        "samples": None,
        "subjects": None,
        "orientation": "auto",
        "units": "auto",
        "columns": columns,
        "select": SELECT,
    }
    with pytest.raises(ConfigError, match=r"data.expression must be given a value: add data.expression=..."):
        validate(prepare_config(data=files), PrepareSettings)
    files["expression"] = "matrix.gct"
    assert isinstance(validate(prepare_config(data=files), PrepareSettings).data, FilesSettings)


def test_a_name_close_to_none_gets_the_list_only() -> None:
    assert did_you_mean("zzz", ["b", "a"]) == " Valid choices: a, b."
