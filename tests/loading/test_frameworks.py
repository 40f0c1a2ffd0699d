"""The loader under the habits of other people's loops: accelerate on two processes, Lightning, the Hugging Face Trainer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from nspdata.loading import Loader  # noqa: E402
from nspdata.torch import DataLoader, collator  # noqa: E402
from tests.datasets import write_dataset  # noqa: E402
from tests.loading.rows import places  # noqa: E402

ROWS = 90
SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 16}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("frameworks") / "data", rows=ROWS, num_shards=2, max_seq_length=32)


ACCELERATED = """
import json, sys
import torch
from accelerate import Accelerator
from nspdata.errors import ConfigError
from nspdata.loading import Loader
from nspdata.torch import DataLoader, ShardDataset
accelerator = Accelerator(cpu=True)
ranks = {"rank": accelerator.process_index, "world_size": accelerator.num_processes}
def source(world_size=1, **options):
    options |= {"world_size": world_size}
    return Loader(sys.argv[1], batch_size=5, trace=True, drop_last=True, padding="max", **options)
def rows(loader):
    return [[int(shard), int(row)] for batch in loader for shard, row in zip(batch["shard"], batch["row"])]
found = {"ours": rows(accelerator.prepare(DataLoader(source(**ranks))))}
prepared = accelerator.prepare(DataLoader(source(**ranks)))
found["skipped"] = rows(accelerator.skip_first_batches(prepared, 2))
found["after"] = rows(prepared)
found["next epoch"] = rows(DataLoader(source(**ranks, epoch=1)))
whole = torch.utils.data.DataLoader(ShardDataset(source()), batch_size=None)
found["one rank, prepared"] = rows(accelerator.prepare(whole))
for name, options, config in (("dispatched", {"batch_size": None}, True), ("sharded", {}, False)):
    accelerator.dataloader_config.dispatch_batches = config
    loader = accelerator.prepare(torch.utils.data.DataLoader(ShardDataset(source(**ranks)), **options))
    try:
        found[name] = rows(loader)
    except ConfigError as error:
        found[name] = str(error)
every = [None] * accelerator.num_processes
torch.distributed.all_gather_object(every, found)
if accelerator.process_index == 0:
    print("FOUND" + json.dumps(every))
accelerator.end_training()  # else torch's threads may end the process with an error
"""


def test_accelerate_on_two_processes(directory: Path, tmp_path: Path) -> None:
    """Every row comes once to one of two ranks, whatever is prepared; a loader that would be divided twice is refused on each rank."""
    pytest.importorskip("accelerate")
    script = tmp_path / "accelerated.py"
    script.write_text(ACCELERATED)
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script), str(directory)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, *torchrun], env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("FOUND")]
    first, second = json.loads(line.removeprefix("FOUND"))
    for way in ("ours", "one rank, prepared"):
        both = [tuple(place) for place in first[way] + second[way]]
        assert len(first[way]) == len(second[way]) == ROWS // 2
        assert len(set(both)) == len(both) == ROWS
    for rank in (first, second):
        assert rank["skipped"] == rank["ours"][10:]
        assert rank["after"] == rank["next epoch"]
    for way in ("dispatched", "sharded"):
        for rank in (first, second):
            assert "accelerate.prepare divides them again" in rank[way]
            assert "nspdata.torch.DataLoader" in rank[way]


def test_a_loader_without_ranks_warns_under_a_launcher(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ranks each process would have all rows; given ranks, also one, are what the user wants."""
    Loader(directory, batch_size=5)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    with pytest.warns(
        UserWarning, match=r"each of the 2 processes gets the same rows; pass rank=1 and world_size=2"
    ) as told:
        Loader(directory, batch_size=5)
    assert told[0].filename == __file__
    assert Loader(directory, batch_size=5, world_size=1).options.world_size == 1
    assert Loader(directory, batch_size=5, rank=1, world_size=2).options.rank == 1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("stop", [4, 9, 13])
def test_trainer_resumes_its_own_data_loader(directory: Path, tmp_path: Path, stop: int) -> None:
    """A Trainer over our `DataLoader` resumes in the first epoch, at its end and in the second with the batches of a run without a stop."""

    class Model(transformers.BertForPreTraining):
        def forward(self, shard, row, **batch):
            seen.append(list(zip(shard.tolist(), row.tolist(), strict=True)))
            return super().forward(**batch)

    class Own(transformers.Trainer):
        def get_train_dataloader(self):
            return DataLoader(Loader(directory, batch_size=10, trace=True, drop_last=True, seed=3))

    def run(resumed: str | None = None, **options: object) -> list[list[tuple[int, int]]]:
        seen.clear()
        torch.manual_seed(0)
        model = Model(transformers.BertConfig(vocab_size=Loader(directory, batch_size=1).metadata.vocab_size, **SMALL))
        arguments = transformers.TrainingArguments(
            str(tmp_path), num_train_epochs=3, report_to=[], use_cpu=True, disable_tqdm=True, **options
        )
        Own(model, arguments).train(resume_from_checkpoint=resumed)
        return list(seen)

    seen: list[list[tuple[int, int]]] = []
    whole = run(save_steps=stop)
    assert whole[0] != whole[9]
    assert len(whole) == 27
    assert run(str(tmp_path / f"checkpoint-{stop}"), save_strategy="no") == whole[stop:]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("limit", [1.0, 3])
def test_lightning_gets_new_epochs(directory: Path, tmp_path: Path, limit: float) -> None:
    """Lightning calls no `set_epoch` on a loader: each epoch still has its own order, also where epochs are cut short."""
    lightning = pytest.importorskip("lightning")
    seen: list[list[tuple[int, int]]] = []

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def on_train_epoch_start(self) -> None:
            seen.append([])

        def training_step(self, batch, _):
            seen[-1].extend(places([batch]))
            return self.layer(batch["next_sentence_label"][:, None].float()).mean()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.01)

    loader = DataLoader(Loader(directory, batch_size=10, trace=True), num_workers=0)
    trainer = lightning.Trainer(
        max_epochs=3, limit_train_batches=limit, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(Module(), loader)
    for epoch, rows in enumerate(seen):
        expected = places(Loader(directory, batch_size=10, trace=True, epoch=epoch))
        assert rows == (expected if limit == 1.0 else expected[:30])
    assert len(seen) == 3


def test_trainer_with_datasets_and_the_collator(directory: Path, tmp_path: Path) -> None:
    """`datasets` rows, `collator` and the stock Trainer train on the labels that the shards have."""
    from nspdata.dataset.manifest import read_manifest
    from nspdata.dataset.shards import open_shard

    rows = open_shard(directory, read_manifest(directory).splits["train"][0])[0].to_pylist()
    collate, seen = collator(directory), []

    class Model(transformers.BertForPreTraining):
        def forward(self, **batch):
            seen.append(batch)
            return super().forward(**batch)

    torch.manual_seed(0)
    model = Model(transformers.BertConfig(vocab_size=collate.metadata.vocab_size, **SMALL))
    options = {
        "max_steps": 2,
        "per_device_train_batch_size": 8,
        "report_to": [],
        "save_strategy": "no",
        "use_cpu": True,
    }
    arguments = transformers.TrainingArguments(str(tmp_path), remove_unused_columns=False, disable_tqdm=True, **options)
    trainer = transformers.Trainer(model, arguments, train_dataset=rows, data_collator=collate)
    trainer.train()
    assert [len(batch["labels"]) for batch in seen] == [8, 8]
    for batch in seen:
        masked = batch["input_ids"] == collate.metadata.special_ids["[MASK]"]
        assert bool(masked.any())
        assert bool((batch["labels"][masked] != -100).all())
