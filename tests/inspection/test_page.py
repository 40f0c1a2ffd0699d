"""The report in a browser: no request, no complaint, the numbers of statistics.json, hostile text escaped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nspdata.cli import app
from nspdata.config.build import Config
from nspdata.config.parsing import from_dict
from nspdata.dataset.manifest import read_manifest
from nspdata.inspection import overview
from nspdata.inspection.report.page import page, write_report
from nspdata.inspection.report.rows import sample_rows
from nspdata.statistics import PartStatistics, Statistics, from_json, merge, summarize_texts, to_dict, to_json
from nspdata.statistics.figures import figures
from nspdata.statistics.recompute import recompute
from nspdata.tokenization.vocabulary import Vocabulary
from tests.datasets import rewrite_manifest, write_dataset
from tests.inspection.browser import Browser, browser

HOSTILE = (
    "<script>document.title='taken'</script>",
    '"><img src=x onerror="document.title=1">',
    "\u202egnorw\u202c",
    "</bdi></p></main><style>*{display:none}</style>",
    "{{ 7 * 7 }}",
    "&lt;b&gt;",
    "<svg/onload=alert(1)>",
    "$\\frac{1}{0}$",
)


def corpus_statistics() -> Statistics:
    """Statistics of a corpus, as a build leaves them."""
    counts = {"documents": 40, "one_sentence_documents": 2, "sentences": 200, "tokens": 4000, "words": 3000}
    part = PartStatistics(
        counts={**counts, "unknown_tokens": 3, "rejected.broken_json": 4, "input_bytes": 9_999, "records": 44}
    )
    return merge(Statistics(corpus=part), summarize_texts(["Straße 7", "да"]))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset with both splits and a statistics.json of corpus and rows."""
    directory = write_dataset(tmp_path_factory.mktemp("page") / "data", rows=300, validation_rows=60)
    whole = merge(corpus_statistics(), recompute(directory))
    (directory / "statistics.json").write_text(to_json(to_dict(whole)), encoding="utf-8")
    return directory


@pytest.fixture(scope="module")
def report(directory: Path) -> Path:
    """The report of the dataset, written by the command."""
    path = directory.parent / "report.html"
    done = CliRunner().invoke(app, ["stats", str(directory), "--shortcuts", "--html", str(path)])
    assert done.exit_code == 0, done.output
    return path


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    """One browser for all tests of this file."""
    with browser() as running:
        yield running


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1200])
def test_a_page_asks_for_nothing_and_fits(chrome: Browser, report: Path, width: int, *, dark: bool) -> None:
    """On a phone and a desktop, light and dark: only its own file is requested, no complaint, nothing wider than the window."""
    chrome.open(report, width=width, dark=dark)
    assert chrome.requests == [report.resolve().as_uri()]
    assert chrome.complaints == []
    assert chrome.evaluate("document.documentElement.scrollWidth") <= width
    background = chrome.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 200) == dark


def test_numbers_on_the_page_are_those_of_the_file(chrome: Browser, report: Path, directory: Path) -> None:
    """The page has exactly the figures of statistics.json, with value and text."""
    chrome.open(report)
    script = "JSON.stringify([...document.querySelectorAll('data[data-key]')].map(d => [d.dataset.key, d.value, d.innerText]))"
    shown = [found for found in json.loads(chrome.evaluate(script)) if not found[0].startswith("shortcut_")]
    written = from_json((directory / "statistics.json").read_bytes())
    expected = {figure.key: figure for figure in figures(written)}
    assert {key for key, _, _ in shown} == set(expected)
    for key, value, text in shown:
        assert float(value) == expected[key].value
        assert text == expected[key].text


def test_plots_take_their_colours_from_the_page(chrome: Browser, report: Path) -> None:
    """Every plot is drawn, and its ink is not the same in the light and in the dark."""
    inks = []
    for dark in (False, True):
        chrome.open(report, dark=dark)
        assert chrome.evaluate("document.querySelectorAll('figure svg').length") >= 8
        inks.append(chrome.evaluate("getComputedStyle(document.querySelector('figure svg text')).fill"))
    assert inks[0] != inks[1]


def test_a_page_can_be_printed(chrome: Browser, report: Path) -> None:
    """Printing from a dark window gives black on white, and a PDF."""
    chrome.open(report, dark=True)
    chrome.call("Emulation.setEmulatedMedia", media="print")
    assert chrome.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert len(chrome.call("Page.printToPDF")["data"]) > 10_000
    chrome.call("Emulation.setEmulatedMedia", media="")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A dataset with hostile tokens, file names and path."""
    directory = write_dataset(tmp_path / "<b>x&amp;\u202ey", rows=40, max_seq_length=32)
    path = directory / "tokenizer" / "vocab.txt"
    old = Vocabulary.read(path)
    tokens = list(old.tokens)
    tokens[5 : 5 + len(HOSTILE)] = HOSTILE
    for place in range(5 + len(HOSTILE), len(tokens)):
        tokens[place] = f"{HOSTILE[place % len(HOSTILE)]}{place}"
    vocabulary = Vocabulary(tuple(tokens))
    path.write_text(vocabulary.text, encoding="utf-8")
    inputs = [{"name": f"{text}.jsonl", "bytes": 1} for text in HOSTILE]
    manifest = read_manifest(directory)
    config = manifest.config | {"output": manifest.config["output"] | {"license": HOSTILE[0] + HOSTILE[2]}}
    rewrite_manifest(
        directory, tokenizer=manifest.tokenizer | {"sha256": vocabulary.sha256}, inputs=inputs, config=config
    )
    return directory


def test_hostile_text_does_no_harm(chrome: Browser, hostile: Path, tmp_path: Path) -> None:
    """Markup in tokens and names is shown as text: no script runs, nothing is loaded, no text direction changes."""
    path = tmp_path / "report.html"
    write_report([overview(hostile)], path)
    chrome.open(path)
    assert chrome.complaints == []
    assert len(chrome.requests) == 1
    assert (
        chrome.evaluate("document.querySelectorAll('script, img, iframe, object, link, base, main style').length") == 0
    )
    assert "taken" not in chrome.evaluate("document.title")
    assert chrome.evaluate("getComputedStyle(document.querySelector('main')).display") == "block"
    text = chrome.evaluate("document.body.textContent")
    assert HOSTILE[0] in text
    assert HOSTILE[4] in text
    assert "⟨U+202E⟩" in text


def test_no_invisible_character_of_the_data_is_on_the_page(hostile: Path) -> None:
    """Bidirectional control characters of the data do not get into the page."""
    found = page([overview(hostile)])
    assert not set(found) & set("\u202a\u202b\u202c\u202d\u202e\u200e\u200f\ufeff")


def test_a_page_is_one_file_without_a_script(report: Path) -> None:
    """No script, no address but the names of SVG's own vocabulary, and a policy that forbids the rest."""
    text = report.read_text(encoding="utf-8")
    assert "<script" not in text.lower()
    assert "default-src 'none'" in text
    assert set(re.findall(r"https?://[^\s\"<]+", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert not re.findall(r"url\((?!#)", text)


def test_the_same_dataset_gives_the_same_page(directory: Path) -> None:
    """Nothing on the page depends on when it was written."""
    assert page([overview(directory)]) == page([overview(directory)])


def test_warnings_stand_before_everything(directory: Path, tmp_path: Path) -> None:
    """Each warning is on the page, above the figures."""
    long = write_dataset(tmp_path / "long", rows=300, max_seq_length=128)
    seen = overview(long)
    assert seen.warnings
    text = page([seen])
    for warning in seen.warnings:
        assert text.index(f'data-warning="{warning.key}"') < text.index("<h2>")


def test_two_datasets_stand_side_by_side(chrome: Browser, directory: Path, tmp_path: Path) -> None:
    """A comparison has both values of every figure, and each plot has both colours."""
    other = write_dataset(tmp_path / "other", rows=77)
    path = tmp_path / "two.html"
    write_report([overview(directory), overview(other)], path)
    chrome.open(path, width=360)
    assert chrome.complaints == []
    assert chrome.evaluate("document.documentElement.scrollWidth") <= 360
    script = "JSON.stringify([...document.querySelectorAll(\"data[data-key='rows']\")].map(d => d.value))"
    assert json.loads(chrome.evaluate(script)) == ["360", "77"]
    plots = re.findall(r"<svg.*?</svg>", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert plots
    assert all("var(--one)" in plot and "var(--two)" in plot for plot in plots)


def test_ids_in_plots_are_never_shared(directory: Path) -> None:
    """Ids inside SVG plots are unique on the page."""
    ids = re.findall(r' id="([^"]+)"', page([overview(directory)]))
    assert len(ids) == len(set(ids))


def test_sample_rows_show_what_stood_there(directory: Path) -> None:
    """The runs of a sample row are the segment with its masks undone, and as many marks as predictions."""
    rows = sample_rows(overview(directory))
    assert [row.shown.label for row in rows] == [0, 0, 0, 1, 1, 1]
    for row in rows:
        marked = [run for runs in row.segments for run in runs if run.kind]
        assert len(marked) == len(row.shown.masks)
        assert not any("[MASK]" in run.text for runs in row.segments for run in runs)
        assert all(bool(run.replacement) == (run.kind == "random") for run in marked)


@pytest.mark.parametrize("objective", ["none", "sop"])
def test_other_objectives_have_a_page(tmp_path: Path, objective: str) -> None:
    """Reports of `none` and `sop` datasets have their own texts."""
    directory = write_dataset(tmp_path / "data", rows=40, objective=objective)
    found = page([overview(directory)])
    assert ("swapped" in found) == (objective == "sop")


def test_a_dataset_without_rows_has_a_page(tmp_path: Path) -> None:
    """A dataset without rows has a report without plots."""
    directory = write_dataset(tmp_path / "data", rows=0, num_shards=1)
    assert "No rows." in page([overview(directory)])


def test_unmasked_rows_have_a_page(tmp_path: Path) -> None:
    """Rows without static masks have no shares of masks."""
    directory = write_dataset(tmp_path / "data", rows=40, strategy="none")
    config = from_dict(Config, {"masking": {"strategy": "none"}, "pairing": {"max_seq_length": 64}})
    rewrite_manifest(directory, config=config.to_dict())
    assert "of them became" not in page([overview(directory)])
