"""Builds of several languages: the field is read from every format, and each document is split by its own language."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tokenizers
from apache_beam.testing.util import assert_that
from click.testing import Result
from typer.testing import CliRunner

import nspdata
import nspdata.beam
from nspdata.cli import app
from nspdata.config.build import SentencesConfig
from nspdata.config.input import InputConfig
from nspdata.errors import ConfigError
from nspdata.files.local import LocalFiles
from nspdata.pipelines.options import LOCAL_RUNNER
from nspdata.reading import expand_inputs, read_source
from nspdata.tokenization.languages import Languages
from tests.shared import shared
from tests.tokenization.test_languages import pieces

pytestmark = pytest.mark.filterwarnings("ignore::nspdata.BuildWarning")

CODES = ("he", "en", "zh")


@pytest.fixture(scope="module")
def corpus() -> list[dict[str, str]]:
    """Real documents in Hebrew, English and Chinese, mixed."""
    return sorted((piece for code in CODES for piece in pieces(code)), key=lambda record: record["id"][::-1])


@pytest.fixture(scope="module")
def vocabulary() -> Path:
    """Google's Chinese vocabulary, which has Latin letters too."""
    return shared("vocab/bert-base-chinese.vocab.txt")


def write(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return path


def options(**settings: Any) -> dict[str, Any]:
    """Settings that all builds of this file use."""
    return {"num_shards": 1, "masked_lm_prob": 0.15, "max_unknown": 1.0, "max_unused_tokens": 1.0, **settings}


def build_command(source: Path, output: Path, tokenizer: Path, *flags: str) -> Result:
    """The command in this process, without the checks of used and unknown tokens."""
    limits = ["--set", "limits.max_unused_tokens=1", "--set", "tokenizer.max_unknown=1", "--workers", "1"]
    arguments = ["build", str(source), "-o", str(output), "--tokenizer", str(tokenizer), *limits, *flags]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return done


def sentences_of(dataset: Any) -> int:
    return int(dataset.manifest.counts["built"]["sentences"])


def test_each_document_is_split_by_its_own_language(
    tmp_path: Path, corpus: list[dict[str, str]], vocabulary: Path
) -> None:
    """The counts say how many documents each language has; the source agrees; records in memory give the same bytes."""
    source = write(tmp_path / "all.jsonl", corpus)
    mixed = nspdata.build(source, tmp_path / "all", tokenizer=vocabulary, **options(language_field="lang"))
    english = nspdata.build(source, tmp_path / "english", tokenizer=vocabulary, **options(language="en"))
    assert sentences_of(english) != sentences_of(mixed)
    counts = json.loads((tmp_path / "all/statistics.json").read_text(encoding="utf-8"))["corpus"]["counts"]
    for code in CODES:
        own = [record for record in corpus if record["lang"] == code]
        assert counts[f"language_documents.{code}"] == len(own)
        assert counts[f"language_bytes.{code}"] == sum(len(record["text"].encode()) for record in own)
    assert nspdata.validate(tmp_path / "all", source=source) == []
    records = nspdata.build(iter(corpus), tmp_path / "memory", tokenizer=vocabulary, **options(language_field="lang"))
    assert [entry.sha256 for entry in records.manifest.splits["train"]] == [
        entry.sha256 for entry in mixed.manifest.splits["train"]
    ]


@pytest.mark.slow
def test_the_sentences_are_those_of_one_build_per_language(
    tmp_path: Path, corpus: list[dict[str, str]], vocabulary: Path
) -> None:
    """A build of all languages has as many sentences as the builds of each language together."""
    source = write(tmp_path / "all.jsonl", corpus)
    mixed = nspdata.build(source, tmp_path / "all", tokenizer=vocabulary, **options(language_field="lang"))
    apart = 0
    for code in CODES:
        one = write(tmp_path / f"{code}.jsonl", [record for record in corpus if record["lang"] == code])
        apart += sentences_of(nspdata.build(one, tmp_path / code, tokenizer=vocabulary, **options(language=code)))
    assert sentences_of(mixed) == apart


def test_unknown_codes_stop_a_build_before_its_work(
    tmp_path: Path, corpus: list[dict[str, str]], vocabulary: Path
) -> None:
    """The codes are named; with the fallback they are split by `sentences.language` and counted."""
    wrong = [{**record, "lang": "klingon"} if number % 9 == 0 else record for number, record in enumerate(corpus)]
    source = write(tmp_path / "a.jsonl", wrong)
    many = sum(record["lang"] == "klingon" for record in wrong)
    with pytest.raises(ConfigError, match=rf"cannot be used: 'klingon' \({many} documents\)"):
        nspdata.build(source, tmp_path / "out", tokenizer=vocabulary, **options(language_field="lang"))
    assert not (tmp_path / "out").exists()
    with pytest.raises(ConfigError, match="klingon"):
        nspdata.estimate(source, tokenizer=vocabulary, **options(language_field="lang"))
    fallback = options(language_field="lang", unknown_language="default")
    dataset = nspdata.build(source, tmp_path / "out", tokenizer=vocabulary, **fallback)
    counts = dataset.statistics.corpus.counts
    assert counts["language_documents.default"] == many
    assert dataset.manifest.counts["read"]["documents"] == len(corpus)


def test_codes_that_do_not_fit_the_text_are_named(
    tmp_path: Path, corpus: list[dict[str, str]], vocabulary: Path
) -> None:
    """Hebrew and Chinese documents with the code of English: the warning says which scripts; with the right codes there is none."""

    def found(lang: str | None) -> list[str]:
        source = write(tmp_path / "a.jsonl", [{**record, "lang": lang or record["lang"]} for record in corpus])
        warnings = nspdata.estimate(source, tokenizer=vocabulary, **options(language_field="lang")).warnings
        return [warning.message for warning in warnings if warning.key == "language"]

    (message,) = found("en")
    assert "are in a script that none of the languages in 'lang' (en) is written in (letters: " in message
    assert "correct the codes (Chinese: zh; Hebrew: he)" in message
    assert found(None) == []


def test_documents_without_a_code_are_rejected(tmp_path: Path, corpus: list[dict[str, str]], vocabulary: Path) -> None:
    """They are counted and kept, with their reason; the summary names the languages."""
    without = {"id": "none", "text": "No code. At all."}
    source = write(tmp_path / "a.jsonl", [*corpus, without])
    flags = ["--set", "sentences.language_field=lang", "--max-rejected", "50%"]
    done = build_command(source, tmp_path / "out", vocabulary, *flags)
    number = {code: sum(record["lang"] == code for record in corpus) for code in CODES}
    ordered = sorted(number.items(), key=lambda item: (-item[1], item[0]))
    assert f"languages  {', '.join(f'{code} {count}' for code, count in ordered)}" in done.output
    read = nspdata.open_dataset(tmp_path / "out").manifest.counts["read"]
    assert read["rejected"] == {"unknown_language": 1}
    (kept,) = (tmp_path / "out/rejected").iterdir()
    assert json.loads(kept.read_text(encoding="utf-8"))["excerpt"] == json.dumps(without)
    assert nspdata.validate(tmp_path / "out", source=source) == []


def languages_read(path: Path, settings: SentencesConfig, **reading: Any) -> list[tuple[str, str]]:
    """Ids and languages of the documents of a file or directory."""
    config = InputConfig(**reading)
    found = []
    for source in expand_inputs([str(path)], LocalFiles(), config):
        for batch in read_source(source, LocalFiles(), config, languages=Languages(settings)):
            found += list(zip(batch.documents.ids, batch.documents.languages or (), strict=True))
    return found


def test_every_format_with_fields_has_languages(tmp_path: Path) -> None:
    """JSON, CSV, Parquet, nested fields, WikiExtractor; a rule by file leaves other files to the default language."""
    rows = [{"id": "1", "text": "Eins. Zwei.", "lang": "de"}, {"id": "2", "text": "One. Two.", "lang": "en-US"}]
    expected = [("1", "de"), ("2", "en")]
    settings = SentencesConfig(language_field="lang")
    assert languages_read(write(tmp_path / "a.jsonl", rows), settings) == expected
    (tmp_path / "b.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    assert languages_read(tmp_path / "b.json", settings) == expected
    with (tmp_path / "c.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, ["id", "text", "lang"])
        writer.writeheader()
        writer.writerows(rows)
    assert languages_read(tmp_path / "c.csv", settings) == expected
    table = pa.table({key: [row[key] for row in rows] for key in rows[0]})
    pq.write_table(table.set_column(2, "lang", table["lang"].dictionary_encode()), tmp_path / "d.parquet")
    assert languages_read(tmp_path / "d.parquet", settings) == expected
    nested = pa.table({"id": ["1", "2"], "text": ["Eins.", "One."], "meta": [{"lang": "de"}, {"lang": "en"}]})
    pq.write_table(nested, tmp_path / "e.parquet")
    assert languages_read(tmp_path / "e.parquet", SentencesConfig(language_field="meta.lang")) == expected
    (tmp_path / "wiki_00").write_text('<doc id="1" lang="de">\nEins.\n</doc>\n<doc id="2" lang="en">\nOne.\n</doc>\n')
    assert languages_read(tmp_path / "wiki_00", settings) == expected
    rule = SentencesConfig(language_field="*.csv=lang")
    assert languages_read(tmp_path / "c.csv", rule) == expected
    assert languages_read(tmp_path / "a.jsonl", rule) == [("1", ""), ("2", "")]


def test_the_command_prints_sentences_by_language(tmp_path: Path) -> None:
    """A Greek question mark ends a Greek sentence, and not an English one; an unknown code is named."""
    greek = "\u03a0\u03bf\u03cd \u03b5\u03af\u03bd\u03b1\u03b9; \u0395\u03b4\u03ce."
    rows = [{"id": "1", "text": greek, "lang": "el"}, {"id": "2", "text": "He said; She left.", "lang": "en"}]
    source = write(tmp_path / "a.jsonl", rows)
    arguments = ["sentences", str(source), "-n", "9", "--set", "sentences.language_field=lang"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        "\u03a0\u03bf\u03cd \u03b5\u03af\u03bd\u03b1\u03b9;",
        "\u0395\u03b4\u03ce.",
        "He said; She left.",
    ]
    write(source, [{**rows[0], "lang": "greek"}])
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert "'greek' (1 documents)" in done.output


def test_a_beam_pipeline_gives_the_language_as_a_third_value(
    tmp_path: Path, corpus: list[dict[str, str]], vocabulary: Path
) -> None:
    """The sentences are those of the language; an element without one is refused."""
    settings = {"tokenizer": vocabulary, "language_field": "lang"}
    elements = [(record["id"], record["text"], record["lang"]) for record in corpus]
    splits = nspdata.split_sentences(
        [text for _, text, _ in elements], languages=[code for *_, code in elements], language_field="lang"
    )
    expected = sorted((name, len(spans)) for (name, *_), spans in zip(elements, splits, strict=True))

    def same(found: list[Any]) -> None:
        assert sorted((name, len(sentences)) for name, sentences in found) == expected

    with beam.Pipeline(runner=LOCAL_RUNNER) as root:
        assert_that(root | beam.Create(elements) | nspdata.beam.TokenizeDocuments(**settings), same)
    with pytest.raises(Exception, match=r"each element must be \(id, text, language\)"):  # noqa: SIM117
        with beam.Pipeline(runner=LOCAL_RUNNER) as root:
            root | beam.Create([elements[0][:2]]) | nspdata.beam.TokenizeDocuments(**settings)


def test_a_note_says_why_a_build_is_slow(tmp_path: Path, corpus: list[dict[str, str]], vocabulary: Path) -> None:
    """A tokenizer that `tokenizers` runs, and a splitter without a fast way; none for a plain build."""
    source = write(tmp_path / "a.jsonl", corpus)
    assert nspdata.estimate(source, tokenizer=vocabulary, **options(language_field="lang")).note == ""
    tokenizer = tokenizers.BertWordPieceTokenizer(str(vocabulary), lowercase=True)
    tokenizer.add_tokens(["covid-19"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    note = nspdata.estimate(source, tokenizer=tmp_path / "tokenizer.json", **options(language_field="lang")).note
    assert note.startswith(
        "the fast encoder does not apply: `tokenizers` runs the tokenizer, because it has added tokens ("
    )
    pytest.importorskip("sentencex")
    note = nspdata.estimate(source, tokenizer=vocabulary, **options(splitter="sentencex")).note
    assert note == (
        "the fast encoder does not apply: sentences.splitter = 'sentencex'; splitting and tokenizing takes about 4 times the "
        "processor time"
    )
    done = build_command(source, tmp_path / "out", tmp_path / "tokenizer.json", "--set", "sentences.language=zh")
    assert "note: the fast encoder does not apply: `tokenizers` runs the tokenizer" in done.output
