"""One build per directory on stores without locks: simultaneous starts, records of dead builds, jobs that outlive their launcher."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from nspdata.errors import InputError
from nspdata.files import lease
from nspdata.files.lease import JOB, OWNERS, check_held, check_job, end_job, leased, renew_job
from nspdata.files.local import LocalFiles
from nspdata.files.lock import locked
from nspdata.files.state import read_state, write_state


def owners(directory: Path) -> list[str]:
    return sorted(path.name for path in (directory / OWNERS).glob("*.json"))


@pytest.mark.parametrize("round_number", range(5))
def test_of_builds_that_start_at_once_one_holds_the_lease(tmp_path: Path, round_number: int) -> None:
    """Eight threads start together: never two hold it at a time, those that get it finish, the others are refused."""
    holding, most, outcomes = [0], [0], []
    start, change = threading.Barrier(8), threading.Lock()

    def build() -> None:
        start.wait()
        try:
            with leased(str(tmp_path), LocalFiles()):
                with change:
                    holding[0] += 1
                    most[0] = max(most[0], holding[0])
                time.sleep(0.02)
                with change:
                    holding[0] -= 1
            outcomes.append("built")
        except InputError as error:
            assert "another build is writing to it" in str(error)  # noqa: PT017 - in a thread
            outcomes.append("refused")

    threads = [threading.Thread(target=build) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert len(outcomes) == 8
    assert owners(tmp_path) == []


def test_a_later_build_is_refused_at_once(tmp_path: Path) -> None:
    """A second build fails immediately: the message names the owning process, whose record stays."""
    with leased(str(tmp_path), LocalFiles()):
        (name,) = owners(tmp_path)
        record = read_state(LocalFiles(), str(tmp_path / OWNERS / name))
        write_state(LocalFiles(), str(tmp_path / OWNERS / name), {**record, "started": record["started"] - 60})
        with (
            pytest.raises(InputError, match=rf"process {record['pid']}, started 1 min ago"),
            leased(str(tmp_path), LocalFiles()),
        ):
            pass
        assert owners(tmp_path) == [name]
    assert owners(tmp_path) == []


@pytest.mark.parametrize("change", [{"renewed": 0.0, "host": "elsewhere"}, {"pid": 2**22 + 1}, {"began": "1"}])
def test_the_record_of_a_dead_build_is_void(tmp_path: Path, change: dict[str, object]) -> None:
    """Not renewed, its process gone, or its process id used again by another one: it is removed."""
    with ExitStack() as stack:
        stack.enter_context(leased(str(tmp_path), LocalFiles()))
        (name,) = owners(tmp_path)
        record = read_state(LocalFiles(), str(tmp_path / OWNERS / name))
    write_state(LocalFiles(), str(tmp_path / OWNERS / "dead.json"), {**record, "token": "dead", **change})
    with leased(str(tmp_path), LocalFiles()):
        assert "dead.json" not in owners(tmp_path)


@pytest.mark.parametrize("hold", [leased, locked])
def test_a_job_keeps_the_directory_after_its_launcher(
    tmp_path: Path, hold: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second build is refused until the job ends; its workers renew the record; without progress it expires."""
    files = LocalFiles()
    with hold(str(tmp_path), files) as held:  # type: ignore[operator]
        held.hand_over("the job runs on DataflowRunner (job 7)")
    refused = pytest.raises(
        InputError, match=r"the job runs on DataflowRunner \(job 7\); its record expires .* delete .*job.json"
    )
    with refused, hold(str(tmp_path), files):  # type: ignore[operator]
        pass
    record = read_state(files, str(tmp_path / JOB))
    write_state(files, str(tmp_path / JOB), {**record, "renewed": record["renewed"] - lease.JOB_LEASE_S - 1})
    check_job(str(tmp_path), files)  # expired
    monkeypatch.setattr(lease, "_renewed", 0.0)
    renew_job(str(tmp_path), held.token, files)
    with pytest.raises(InputError, match="another build"):
        check_job(str(tmp_path), files)
    end_job(str(tmp_path), files)
    with hold(str(tmp_path), files):  # type: ignore[operator]
        pass
    renew_job(str(tmp_path), held.token, files)
    assert not (tmp_path / JOB).exists()


def test_a_damaged_record_stops_nobody(tmp_path: Path) -> None:
    """A lease record that cannot be read is ignored."""
    (tmp_path / OWNERS).mkdir(parents=True)
    (tmp_path / OWNERS / "x.json").write_text(json.dumps({"token": "x"}))
    with leased(str(tmp_path), LocalFiles()):
        pass


def steal(directory: Path) -> Path:
    """What another build does that finds the record too old: it removes it and writes its own."""
    (name,) = owners(directory)
    mine = read_state(LocalFiles(), str(directory / OWNERS / name))
    (directory / OWNERS / name).unlink()
    other = directory / OWNERS / "other.json"
    write_state(LocalFiles(), str(other), {**mine, "token": "other", "host": "worker-7", "renewed": time.time()})
    return other


def test_a_stolen_lease_is_noticed(tmp_path: Path) -> None:
    """A build whose record another one has removed stops with one line, and the other's record stays."""
    with leased(str(tmp_path), LocalFiles()) as lease_of_mine:
        lease_of_mine.check()
        other = steal(tmp_path)
        with pytest.raises(
            InputError, match=r"another build \(host worker-7, .* has taken the directory; this one stops"
        ):
            lease_of_mine.check()
    assert owners(tmp_path) == [other.name]


def test_a_removed_record_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The renewal ends with the first record that is missing; the lease stays lost after the other build has ended."""
    monkeypatch.setattr(lease, "RENEW_S", 0.01)
    with leased(str(tmp_path), LocalFiles()) as lease_of_mine:
        steal(tmp_path).unlink()
        time.sleep(0.05)
        assert owners(tmp_path) == []
        with pytest.raises(InputError, match="another build has taken the directory"):
            lease_of_mine.check()


def test_a_late_build_gives_way_to_another_that_is_alive(tmp_path: Path) -> None:
    """Its own record is there again, written by a renewal that raced with the other build."""
    with leased(str(tmp_path), LocalFiles()) as lease_of_mine:
        (name,) = owners(tmp_path)
        mine = read_state(LocalFiles(), str(tmp_path / OWNERS / name))
        late = {**mine, "renewed": mine["renewed"] - lease.LEASE_S}
        write_state(LocalFiles(), str(tmp_path / OWNERS / name), late)
        lease_of_mine.check()  # no other build: renewed
        assert read_state(LocalFiles(), str(tmp_path / OWNERS / name))["renewed"] >= mine["renewed"]
        other = steal(tmp_path)
        write_state(LocalFiles(), str(tmp_path / OWNERS / name), late)
        with pytest.raises(InputError, match="host worker-7"):
            lease_of_mine.check()
        assert other.exists()


def test_a_job_holds_the_lease_of_its_launcher(tmp_path: Path) -> None:
    """After `hand_over` the launcher's own record is gone; the job's record has the same token."""
    with leased(str(tmp_path), LocalFiles()) as launcher:
        launcher.hand_over("elsewhere")
    launcher.check()
    end_job(str(tmp_path), LocalFiles())
    with pytest.raises(InputError, match="has taken the directory"):
        launcher.check()


def test_the_job_of_a_template_has_the_directory_once_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then another build may begin; when that one has cleared the directory, the job stops."""
    directory, files = str(tmp_path), LocalFiles()
    with leased(directory, files) as launcher:
        launcher.hand_over("the template", started=False)
    check_held(directory, launcher.token, files)
    with leased(directory, files) as other:
        monkeypatch.setattr(lease, "_renewed", 0.0)
        renew_job(directory, other.token, files)  # does not keep the record of the template alive
    with leased(directory, files):
        pass
    monkeypatch.setattr(lease, "_renewed", 0.0)
    renew_job(directory, launcher.token, files)
    check_held(directory, launcher.token, files)
    with pytest.raises(InputError, match="the template"), leased(directory, files):
        pass
    files.delete(f"{directory}/.build")
    with pytest.raises(InputError, match="another build has taken the directory"):
        check_held(directory, launcher.token, files)
