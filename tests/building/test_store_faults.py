"""A build into an S3 server that is stopped at its requests: before each put, copy or delete, also within the swap."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from nspdata.dataset.manifest import read_manifest
from nspdata.errors import InputError, NspdataError
from nspdata.files import lease
from nspdata.files.lease import OWNERS, leased
from nspdata.files.local import FileInfo
from nspdata.files.objects import ObjectFiles
from nspdata.files.s3 import S3Store
from nspdata.files.state import read_state, write_state
from nspdata.testing import Stopped
from tests.building.plainly import build_plainly, settings
from tests.building.small import small_lines, write_small_vocabulary
from tests.servers import Server, server

__all__ = ["server"]

pytestmark = pytest.mark.parametrize("server", ["s3"], indirect=True)


class StoppingStore(S3Store):
    """S3 for a process that is killed before one of its changes: from then on every request fails.

    The record of the lease is not counted, because its renewal depends on time.
    """

    def __init__(self, sound: S3Store, stop_at: int | None = None) -> None:
        super().__init__()
        self._clients = sound._clients  # a client takes longer than the build
        self.stop_at, self.log, self.stopped = stop_at, list[str](), False

    def _change(self, name: str) -> None:
        if self.stopped:
            raise Stopped(name)
        if OWNERS in name:
            return
        self.log.append(name)
        if len(self.log) - 1 == self.stop_at:
            self.stopped = True
            raise Stopped(name)

    def put(self, path: str, data: bytes) -> None:
        self._change(f"put {path}")
        super().put(path, data)

    def copy(self, source: str, target: str) -> None:
        self._change(f"copy {target}")
        super().copy(source, target)

    def delete(self, paths: Sequence[str]) -> None:
        self._change(f"delete {paths[0]}")
        super().delete(paths)

    def read(self, info: FileInfo, start: int, end: int) -> bytes:
        if self.stopped:
            raise Stopped(info.path)
        return super().read(info, start, end)


class Place:
    """A corpus on the disk, and a dataset in the store."""

    def __init__(self, directory: Path, server: Server) -> None:
        self.sound = S3Store()
        self.server, self.output = server, f"{server.url}/out"
        self.corpus = server.write("in.jsonl", small_lines(map(str, range(30)), random.Random(0)).encode())
        self.vocabulary = write_small_vocabulary(directory / "vocab.txt")

    def build(self, store: S3Store, *assignments: str, output: str = "", overwrite: bool = True) -> None:
        """Builds as the command does."""
        files, target = ObjectFiles(store), output or self.output
        build_plainly([self.corpus], target, self.vocabulary, settings(*assignments), files, overwrite=overwrite)  # type: ignore[arg-type]

    def expire(self) -> None:
        """Makes the lease of the killed process that of another machine, and too old."""
        files = ObjectFiles(self.sound)
        for record in files.listing(f"{self.output}/{OWNERS}"):
            value = read_state(files, record.path)
            write_state(files, record.path, {**value, "renewed": 0.0, "host": "elsewhere"})

    def seen(self) -> dict[str, bytes] | None:
        """The files that a reader finds after it has completed an interrupted replacement."""
        with contextlib.suppress(NspdataError):
            read_manifest(self.output, files=ObjectFiles(self.sound))
            return self.files()
        return None

    def files(self, name: str = "out") -> dict[str, bytes]:
        """The objects of a dataset."""
        hidden = (".build/", "README.md")
        return {path: data for path, data in self.server.files(name).items() if not path.startswith(hidden)}


def run(place: Place, moments: int, *, over: bool) -> set[str]:
    """Stops the build at so many moments; returns the kinds of requests at which it was stopped."""
    store = StoppingStore(place.sound)
    place.build(place.sound, "seed=1", "output.num_shards=3", output=f"{place.server.url}/old")
    old = place.files("old")
    if over:
        place.build(place.sound, "seed=1", "output.num_shards=3")
    place.build(store)
    whole, kinds = place.files(), set()
    assert len(store.log) >= 20
    for moment in range(moments):
        place.sound.delete([file.path for file in ObjectFiles(place.sound).listing(place.output)])
        if over:
            place.build(place.sound, "seed=1", "output.num_shards=3")
        stopping = StoppingStore(place.sound, stop_at=moment * (len(store.log) - 1) // (moments - 1))
        with pytest.raises(Stopped):
            place.build(stopping)
        place.expire()
        kinds.add(stopping.log[-1].split()[0])
        if over:
            assert place.seen() in (old, whole), stopping.log[-1]
        else:
            assert place.seen() in (None, whole), stopping.log[-1]
        place.build(place.sound)
        assert place.files() == whole, stopping.log[-1]
        assert not [name for name in place.server.files("out") if name.startswith(".build/")]
    return kinds


@pytest.mark.parametrize(
    ("moments", "over"),
    [pytest.param(20, over, marks=pytest.mark.slow) for over in (False, True)],
)
def test_a_stopped_build_loses_nothing(tmp_path: Path, server: Server, moments: int, *, over: bool) -> None:
    """One whole dataset, the old or the new one, whatever the request; the same command ends in the same bytes."""
    kinds = run(Place(tmp_path, server), moments, over=over)
    assert kinds == ({"put", "copy", "delete"} if over else {"put", "delete"})


def test_a_second_build_into_a_bucket_is_refused(server: Server) -> None:
    """With host, process and age of the first; its lease expires when it is not renewed."""
    files, directory = ObjectFiles(S3Store()), f"{server.url}/out"
    with leased(directory, files):
        (record,) = files.listing(f"{directory}/{OWNERS}")
        value = read_state(files, record.path)
        write_state(files, record.path, {**value, "host": "worker-7", "pid": 41, "started": value["started"] - 7300})
        with (
            pytest.raises(
                InputError, match=r"another build is writing to it \(host worker-7, process 41, started 2 h ago"
            ),
            leased(directory, files),
        ):
            pass
        late = {**value, "host": "worker-7", "renewed": value["renewed"] - lease.LEASE_S}
        write_state(files, record.path, late)
        with leased(directory, files):
            assert [info.path for info in files.listing(f"{directory}/{OWNERS}")] != [record.path]
    assert files.listing(directory) == []


@pytest.mark.parametrize(
    "moment",
    ["put {}/.build/shards/00000.json", pytest.param("put {}/.build/new/manifest.json", marks=pytest.mark.slow)],
)
def test_a_build_whose_lease_is_stolen_stops(tmp_path: Path, server: Server, moment: str) -> None:
    """It slept past its lease and another build replaced the dataset: it writes nothing more, and the other's dataset is whole."""
    place = Place(tmp_path, server)
    place.build(place.sound, "seed=1")
    sleeping = SleepingStore(place, moment.format(place.output))
    with pytest.raises(InputError, match="this build did not renew its lease for 120 s and another build"):
        place.build(sleeping, "seed=2")
    assert sleeping.others
    assert place.files() == sleeping.others
    assert sleeping.later == []
    assert [name for name in server.files("out") if name.startswith(".build/")] == []


class SleepingStore(S3Store):
    """Sleeps before one of its changes until its lease has expired; meanwhile another process builds into the same directory."""

    def __init__(self, place: Place, moment: str) -> None:
        super().__init__()
        self.place, self.moment = place, moment
        self._clients = place.sound._clients
        self.others: dict[str, bytes] = {}
        self.later: list[str] = []

    def put(self, path: str, data: bytes) -> None:
        super().put(path, data)
        self.later.append(f"put {path}")
        if f"put {path}" == self.moment:
            self.place.expire()
            self.place.build(self.place.sound, "seed=3")
            self.others = self.place.files()
            self.later.clear()
            lease._checked.clear()  # the checks of the last seconds

    def copy(self, source: str, target: str) -> None:
        self.later.append(f"copy {target}")
        super().copy(source, target)

    def delete(self, paths: Sequence[str]) -> None:
        self.later += [f"delete {path}" for path in paths]
        super().delete(paths)
