"""Files that are written from the code are what the code says."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from nspdata.dataset.manifest import read_manifest
from nspdata.metadata.json_schemas import SCHEMAS, schema_files
from tests.datasets import write_dataset

ROOT = Path(__file__).parents[2]


def test_the_schemas_are_those_of_the_code() -> None:
    """`schemas/` holds what `python -m nspdata.metadata.json_schemas schemas` writes, and nothing else."""
    assert {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "schemas").iterdir()} == schema_files()


@pytest.mark.parametrize(
    ("script", "written"),
    [
        ("docs/generate_settings.py", "docs/settings.md"),
        ("docs/generate_commands.py", "docs/commands.md"),
        ("docs/generate_files.py", "docs/files.md"),
        ("deploy/dataflow/generate_metadata.py", "deploy/dataflow/metadata.json"),
    ],
)
def test_a_file_is_what_its_script_writes(script: str, written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the pages of the reference, and of the parameters of the Dataflow template."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    spec = importlib.util.spec_from_file_location(Path(script).stem, ROOT / script)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / written).read_text(encoding="utf-8") == module.page()


def test_a_dataset_holds_to_the_schemas(tmp_path: Path) -> None:
    """The manifest of a dataset is valid, and one with a field changed or left out is not."""
    jsonschema = pytest.importorskip("jsonschema", reason="needs nspdata[build]")
    manifest = json.loads(read_manifest(write_dataset(tmp_path / "data")).to_json())
    validator = jsonschema.Draft202012Validator(SCHEMAS["manifest"]())
    assert not list(validator.iter_errors(manifest))
    for key in manifest:
        assert list(validator.iter_errors({**manifest, key: "changed"})), key
        assert list(validator.iter_errors({name: value for name, value in manifest.items() if name != key})), key
