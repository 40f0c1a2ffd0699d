"""The Beam job finds what `nspdata validate` finds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from beam_jobs.validate_shards import main
from nspdata.errors import ConfigError, ShardError
from nspdata.pipelines.validation import findings_of_dataset
from nspdata.validation import to_json, validate, validate_source
from tests.servers import Server, server  # noqa: F401 - a fixture
from tests.validation.damage import edit_rows, swap_and_repeat


def test_a_sound_dataset(sound: Callable[[str], Path], corpus: Path, tmp_path: Path) -> None:
    """Nothing is found, without the source and with it; the output is that of `nspdata validate --json`."""
    directory, output = str(sound("nsp")), tmp_path / "findings.json"
    main(["--dataset", directory, "--output", str(output)])
    assert json.loads(output.read_text()) == {"directory": directory, "source": [], "valid": True, "findings": []}
    main(["--dataset", directory, "--output", str(output), "--source", str(corpus)])
    assert json.loads(output.read_text())["findings"] == []


def test_damage(copied: Callable[[str], Path], corpus: Path, tmp_path: Path) -> None:
    """The findings are those of the command, with the same files, rows and messages; the exit code is 1."""
    directory, output = copied("nsp"), tmp_path / "findings.json"
    edit_rows(directory, swap_and_repeat)
    with pytest.raises(SystemExit, match="1"):
        main(["--dataset", str(directory), "--output", str(output), "--plain", "--source", str(corpus)])
    found = json.loads(output.read_text())["findings"]
    expected = validate(directory)
    expected += [finding for finding in validate_source(directory, [str(corpus)]) if finding not in expected]
    key = "rule", "file", "message", "rows"
    assert {tuple(map(str, map(finding.get, key))) for finding in found} == {
        tuple(map(str, map(to_json(finding).get, key))) for finding in expected
    }


def test_what_is_grouped_has_portable_coders(sound: Callable[[str], Path], corpus: Path) -> None:
    """Keys are varints and payloads are bytes: no pickle goes through the shuffle, with the source and without it."""
    for inputs in ([], [str(corpus)]):
        pipeline = beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"]))
        findings_of_dataset(pipeline, str(sound("nsp")), inputs)
        components = pipeline.to_runner_api().components
        (group,) = [step for step in components.transforms.values() if step.unique_name == "GroupByShard"]
        (collection,) = group.inputs.values()
        coder = components.coders[components.pcollections[collection].coder_id]
        urns = [components.coders[key].spec.urn for key in coder.component_coder_ids]
        assert urns == ["beam:coder:varint:v1", "beam:coder:bytes:v1"]


def test_mistakes(sound: Callable[[str], Path], tmp_path: Path) -> None:
    """An unknown option and a directory without a dataset are one error each, before a pipeline runs."""
    output = ["--output", str(tmp_path / "findings.json")]
    with pytest.raises(ConfigError, match="--sourcee"):
        main(["--dataset", str(sound("nsp")), *output, "--sourcee", "x"])
    with pytest.raises(ShardError, match="manifest"):
        main(["--dataset", str(tmp_path), *output])


@pytest.mark.parametrize("server", ["s3"], indirect=True)
def test_a_dataset_in_a_store(sound: Callable[[str], Path], corpus: Path, server: Server) -> None:  # noqa: F811
    """Dataset, source and output are URLs."""
    directory = sound("one shard")
    for path in directory.rglob("*"):
        if path.is_file():
            server.write(f"data/{path.relative_to(directory)}", path.read_bytes())
    server.write("in/corpus.jsonl", corpus.read_bytes())
    arguments = ["--dataset", f"{server.url}/data", "--output", f"{server.url}/findings.json"]
    main([*arguments, "--source", f"{server.url}/in/corpus.jsonl"])
    assert json.loads(server.files("")["findings.json"])["findings"] == []
