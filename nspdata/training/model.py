"""The model: new or read from a checkpoint, run without padding, saved so that `transformers` loads it."""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint as recomputed
from transformers import BertConfig, BertForPreTraining
from transformers.utils import logging

from nspdata.config.train import SIZES
from nspdata.errors import ConfigError, ShardError
from nspdata.files.checked_json import COUNT, OBJECT, TEXT, list_of, map_of, parse, record
from nspdata.tokenization.vocabulary import Vocabulary
from nspdata.training.attention import NAME
from nspdata.training.checkpoint import load_tensors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from nspdata.config.train import ModelConfig
    from nspdata.training.batches import Batch

OBJECTIVE_KEY = "nspdata_objective"
"""Key of a saved `config.json` that names the trained heads."""

INITIAL_DEVIATION = 0.55
"""Initial weights have a standard deviation of this / sqrt(hidden size), and at least BERT's 0.02. With 0.02 at a width of 128, the
output of attention starts so small that `tiny` did not learn pairs in 850 steps of 32 rows; with 0.05 it did by step 300."""


TOKEN_TYPES = 2
"""Token types of a row: 0 for `[CLS] A [SEP]`, 1 for `B [SEP]`."""


class Sums(NamedTuple):
    """Sums of one forward pass, each a float32 tensor of shape (); divided by counts only when those of all ranks are known."""

    mlm_loss: Tensor
    mlm_correct: Tensor
    nsp_loss: Tensor
    nsp_correct: Tensor


class Pretraining(nn.Module):
    """`BertForPreTraining` run over flat tokens; the MLM head is computed only at masked positions."""

    def __init__(
        self,
        bert: BertForPreTraining,
        objective: str,
        *,
        vocab_multiple: int = 1,
        recompute: bool = False,
    ) -> None:
        """Freezes the parameters that the objective does not train.

        Args:
            bert: the model, parameters in fp32.
            objective: `mlm+nsp`, `mlm+sop`, `mlm`, `nsp` or `sop`.
            vocab_multiple: logits are padded to a multiple of this; 64 lets a GPU's matrix units run at full speed.
            recompute: whether layers are computed again in the backward pass instead of being kept.
        """
        super().__init__()
        self.bert = bert
        self.mlm = "mlm" in objective
        self.pair = objective != "mlm"
        self.recompute = recompute
        self.predict: Callable[..., tuple[Tensor, Tensor]] = predicted
        self.spare = -bert.config.vocab_size % vocab_multiple
        bert.config._attn_implementation = NAME  # noqa: SLF001 - transformers has no public name for it
        bert.cls.predictions.requires_grad_(self.mlm)
        bert.get_input_embeddings().requires_grad_(True)  # tied to the MLM head's matrix
        bert.cls.seq_relationship.requires_grad_(self.pair)
        bert.bert.pooler.requires_grad_(self.pair)

    def forward(self, batch: Batch) -> Sums:
        """The sums of losses and of correct predictions over a batch."""
        encoder = self.bert.bert
        hidden = encoder.embeddings(  # (1, num_tokens, hidden)
            input_ids=batch.input_ids[None],
            token_type_ids=batch.token_type_ids[None],
            position_ids=batch.position_ids[None],
        )
        for layer in encoder.encoder.layer:
            run = partial(layer, cu_seqlens=batch.cu_seqlens, max_seqlen=batch.max_seqlen)
            hidden = recomputed(run, hidden, use_reentrant=False) if self.recompute and self.training else run(hidden)
        zero = hidden.new_zeros((), dtype=torch.float32)
        mlm = self._masked(hidden[0], batch) if self.mlm else (zero, zero)
        pair = self._pairs(hidden[0], batch) if self.pair else (zero, zero)
        return Sums(*mlm, *pair)

    def _masked(self, hidden: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        head = self.bert.cls.predictions
        states = head.transform(hidden[batch.masked_lm_positions])  # (num_masked, hidden)
        return self.predict(states, head.decoder.weight, head.bias, batch.masked_lm_ids, self.spare)

    def _pairs(self, hidden: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        pooled = self.bert.bert.pooler(hidden[batch.cls_positions][:, None])  # (num_rows, hidden)
        return _sums(self.bert.cls.seq_relationship(pooled), batch.next_sentence_label)


def predicted(states: Tensor, weight: Tensor, bias: Tensor, labels: Tensor, spare: int) -> tuple[Tensor, Tensor]:
    """Logits and `_sums` of the MLM head; a function of tensors, so that it is compiled alone where layers are sharded.

    Args:
        states: shape (num_masked, hidden).
        weight: shape (vocab_size, hidden).
        bias: shape (vocab_size,).
        labels: shape (num_masked,).
        spare: logits of minus infinity to add.
    """
    matrix = functional.pad(weight, (0, 0, 0, spare))
    logits = functional.linear(states, matrix, functional.pad(bias, (0, spare), value=-torch.inf))
    return _sums(logits, labels)


def _sums(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Summed cross entropy in nats and number of correct predictions; a label of -100 is ignored."""
    logits = logits.float()
    loss = functional.cross_entropy(logits, labels, ignore_index=-100, reduction="sum")
    return loss, (logits.detach().argmax(-1) == labels).sum(dtype=torch.float32)


def fresh_model(size: str, vocabulary: Vocabulary, *, max_seq_length: int, config: ModelConfig) -> BertForPreTraining:
    """A new model of one of `SIZES`; its weights come from torch's generator, so seed it first."""
    layers, hidden = SIZES[size]
    return BertForPreTraining(
        BertConfig(
            vocab_size=len(vocabulary),
            num_hidden_layers=layers,
            hidden_size=hidden,
            num_attention_heads=hidden // 64,
            intermediate_size=4 * hidden,
            max_position_embeddings=max(512, max_seq_length),
            pad_token_id=vocabulary.special_ids["[PAD]"],
            hidden_dropout_prob=max(config.dropout, 0.0),
            attention_probs_dropout_prob=config.attention_dropout,
            initializer_range=max(0.02, INITIAL_DEVIATION / hidden**0.5),
        )
    )


def checkpoint_model(
    directory: Path, vocabulary: Vocabulary, *, max_seq_length: int, config: ModelConfig
) -> tuple[BertForPreTraining, list[str]]:
    """Reads a Hugging Face BERT directory to continue from; nothing is downloaded.

    Args:
        directory: with `config.json`, weights, and `vocab.txt` or `tokenizer.json`.
        vocabulary: the dataset's; it must equal the checkpoint's, or begin with it if `extend_vocab` is set.
        max_seq_length: tokens of the dataset's longest row.
        config: dropout and `extend_vocab`.

    Returns:
        The model, and messages that name the initialised weights.

    Raises:
        ConfigError: it is not a BERT, its vocabulary is another, or it has too few positions.
    """
    settings = _bert_config(directory)
    known = _checkpoint_vocabulary(directory)
    _check_vocabulary(directory, known, vocabulary, extend=config.extend_vocab)
    if settings.type_vocab_size != TOKEN_TYPES:
        raise ConfigError(
            f"{directory} has {settings.type_vocab_size} token types (type_vocab_size), rows have {TOKEN_TYPES}: A and B; "
            "training can continue only from a BERT with 2 token types"
        )
    missing = max_seq_length - settings.max_position_embeddings
    if missing > 0 and not config.extend_positions:
        raise ConfigError(
            f"{directory} has {settings.max_position_embeddings} positions, the dataset's rows are up to {max_seq_length} tokens; "
            "build the dataset with a smaller pairing.max_seq_length, or set model.extend_positions=true to add positions"
        )
    if settings.vocab_size < len(known):
        raise ConfigError(f"{directory}: {len(known)} tokens, but embeddings for {settings.vocab_size} only")
    if config.dropout >= 0:
        settings.hidden_dropout_prob = config.dropout
    settings.attention_probs_dropout_prob = config.attention_dropout
    model, notes = _read_weights(directory, settings)
    if missing > 0:
        notes.append(f"{missing:,} new positions: their embeddings start as those of the first ones")
        extend_positions(model, max_seq_length)
    new = len(vocabulary) - settings.vocab_size
    if new > 0:
        extend_vocabulary(model, len(vocabulary))
        notes.append(
            f"{new:,} new tokens: their embeddings start as the mean of the {settings.vocab_size:,} known ones"
        )
    return model, notes


def saved_model(checkpoint: Path) -> BertForPreTraining:
    """Reads a checkpoint of this trainer, with the dropout that it was trained with.

    Raises:
        ShardError: it is corrupt.
    """
    tensors = load_tensors(checkpoint, "model")
    model = BertForPreTraining(_bert_config(checkpoint))
    parameters = dict(model.named_parameters())
    if parameters.keys() != tensors.keys():
        raise ShardError(
            f"{checkpoint}: its tensors are not those of its config.json; remove it to resume from the one before"
        )
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(tensors[name])
    return model


def _bert_config(directory: Path) -> BertConfig:
    path = directory / "config.json"
    if not path.is_file():
        raise ConfigError(
            f"--model {directory}: neither one of {', '.join(SIZES)} nor a directory with a config.json (a Hugging Face checkpoint)"
        )
    kind = parse(path.read_bytes(), name=str(path), schema=OBJECT, error=ConfigError).get("model_type")
    if kind != "bert":
        raise ConfigError(f"{path}: model_type {kind!r}; training can continue only from a 'bert' checkpoint")
    try:
        return BertConfig.from_pretrained(directory, local_files_only=True)
    except Exception as error:  # whatever transformers raises for a wrong value
        raise ConfigError(f"{path}: not the settings of a BERT ({error}); restore the file from a copy") from error


TOKENIZER_SCHEMA = record(
    {"model": record({"vocab": map_of(COUNT)})}, {"added_tokens": list_of(record({"content": TEXT, "id": COUNT}))}
)
"""What is read of a checkpoint's `tokenizer.json`."""


def _checkpoint_vocabulary(directory: Path) -> tuple[str, ...]:
    if (directory / "vocab.txt").is_file():
        return Vocabulary.read(directory / "vocab.txt").tokens
    path = directory / "tokenizer.json"
    if not path.is_file():
        raise ConfigError(
            f"{directory} has neither vocab.txt nor tokenizer.json, so its ids are unknown; add one of them"
        )
    values = parse(path.read_bytes(), name=str(path), schema=TOKENIZER_SCHEMA, error=ConfigError)
    added = {token["content"]: token["id"] for token in values.get("added_tokens", ())}
    ids = values["model"]["vocab"] | added
    return tuple(sorted(ids, key=lambda token: ids[token]))


def _check_vocabulary(directory: Path, known: tuple[str, ...], vocabulary: Vocabulary, *, extend: bool) -> None:
    tokens = vocabulary.tokens
    if tokens == known or (extend and tokens[: len(known)] == known):
        return
    same = next(
        (i for i, (a, b) in enumerate(zip(known, tokens, strict=False)) if a != b), min(len(known), len(tokens))
    )
    if same == len(known):
        remedy = "--extend-vocab adds rows for the new tokens"
    else:
        remedy = f"build the dataset with --tokenizer {directory}"
    difference = f"from id {same} on" if same < min(len(known), len(tokens)) else "in their number"
    raise ConfigError(
        f"the dataset's vocabulary ({len(tokens):,} tokens) is not that of {directory} ({len(known):,} tokens): "
        f"they differ {difference}; {remedy}"
    )


def _read_weights(directory: Path, settings: BertConfig) -> tuple[BertForPreTraining, list[str]]:
    logging.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # it prints a table of missing weights; the note of this module is one line
    try:
        model, info = BertForPreTraining.from_pretrained(
            directory, config=settings, dtype=torch.float32, local_files_only=True, output_loading_info=True
        )
    except OSError as error:
        raise ConfigError(f"--model {directory}: {error}") from error
    finally:
        logging.set_verbosity(verbosity)
    if info["mismatched_keys"]:
        raise ConfigError(f"{directory}: weights do not fit its config.json: {info['mismatched_keys']}")
    missing = sorted(info["missing_keys"])
    return model, [f"not in the checkpoint, initialised randomly: {', '.join(missing)}"] if missing else []


def extend_vocabulary(model: BertForPreTraining, vocab_size: int) -> None:
    """Adds rows to the embeddings and to the MLM head, each the mean of the existing rows."""
    embeddings, head = model.get_input_embeddings(), model.cls.predictions
    rows, bias = embeddings.weight.detach(), head.bias.detach()
    new = vocab_size - len(rows)
    embeddings.weight = nn.Parameter(torch.cat([rows, rows.mean(0).expand(new, -1)]))
    head.bias = nn.Parameter(torch.cat([bias, bias.mean().expand(new)]))
    embeddings.num_embeddings = head.decoder.out_features = vocab_size
    model.config.vocab_size = vocab_size
    model.tie_weights()


def extend_positions(model: BertForPreTraining, num_positions: int) -> None:
    """Adds positions: the known embeddings, repeated (as in Longformer, Beltagy et al. 2020)."""
    embeddings = model.bert.embeddings
    rows = embeddings.position_embeddings.weight.detach()
    repeated = rows.repeat(-(-num_positions // len(rows)), 1)[:num_positions].clone()
    embeddings.position_embeddings = nn.Embedding(num_positions, repeated.shape[1], _weight=repeated)
    embeddings.position_ids = torch.arange(num_positions)[None]
    if hasattr(embeddings, "token_type_ids"):
        embeddings.token_type_ids = torch.zeros_like(embeddings.position_ids)
    model.config.max_position_embeddings = num_positions


def exported_config(model: BertForPreTraining, objective: str) -> BertConfig:
    """The model's config as it is saved: with a standard attention, and with the trained heads."""
    config = copy.deepcopy(model.config)
    config._attn_implementation = None  # noqa: SLF001 - the attention is chosen when the model is loaded
    config.architectures = ["BertForPreTraining"]
    config.dtype = "float32"
    setattr(config, OBJECTIVE_KEY, objective)
    return config
