"""Training on two nodes: two network namespaces with an address each, joined by a cable."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.training.runs import ROOT, command, environment, train_small
from tests.training.test_ranks import OPTIONS, SETTINGS, same_but_for_rounding

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.geteuid() != 0 or shutil.which("ip") is None, reason="network namespaces need root and the command ip"
    ),
]

ADDRESSES = ("10.213.7.1", "10.213.7.2")


def ip(*arguments):
    """Runs `ip`; its error is the test's."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@pytest.fixture
def nodes():
    """The names of two network namespaces that reach each other and nothing else."""
    names = [f"nspdata-{os.getpid()}-{number}" for number in (0, 1)]
    cables = [f"nsp{os.getpid() % 100_000}{end}" for end in "ab"]
    try:
        for name in names:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("link", "add", cables[0], "netns", names[0], "type", "veth", "peer", "name", cables[1], "netns", names[1])
        for name, cable, address in zip(names, cables, ADDRESSES, strict=True):
            ip("-n", name, "address", "add", f"{address}/24", "dev", cable)
            ip("-n", name, "link", "set", cable, "up")
        yield list(zip(names, cables, strict=True))
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def test_two_nodes_train_as_one_process(dataset, nodes, tmp_path):
    """torchrun on two nodes that meet at the first one's address gives the losses and weights of one process."""
    train_small(dataset, tmp_path / "alone", **SETTINGS)
    meeting = ["--nnodes", "2", "--rdzv-backend", "c10d", "--rdzv-endpoint", f"{ADDRESSES[0]}:29511"]
    started = []
    for (name, cable), address in zip(nodes, ADDRESSES, strict=True):
        python, *rest = command(dataset, tmp_path / "run", *OPTIONS)
        # the host name of a namespace is the machine's, so the first node cannot find out that the address is its own
        host = ["--rdzv-conf", f"is_host={int(address == ADDRESSES[0])}", "--local-addr", address]
        torchrun = ["-m", "torch.distributed.run", *meeting, *host, "--nproc-per-node", "1"]
        started.append(
            subprocess.Popen(
                ["ip", "netns", "exec", name, python, *torchrun, *rest],
                cwd=ROOT,
                env=environment() | {"GLOO_SOCKET_IFNAME": cable},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    outputs = [process.communicate(timeout=300)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0], outputs
    same_but_for_rounding(tmp_path / "run", tmp_path / "alone")
