"""Ragged values and tokenized documents: taken, joined and sent without a change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nspdata.arrays.ragged import offsets, ragged_indices
from nspdata.tokenization.encoded import TokenizedDocuments
from tests.instances.corpora import LENGTHS, Lengths, lists, make_documents


@given(runs=st.lists(st.lists(st.integers(), max_size=5), max_size=8))
def test_offsets_and_indices_find_every_run(runs: list[list[int]]) -> None:
    """Offsets and indices find every run of a flat list from the lengths, in any order."""
    lengths = np.array([len(run) for run in runs], np.int64)
    places = offsets(lengths)
    flat = [value for run in runs for value in run]
    assert [flat[begin:end] for begin, end in zip(places[:-1].tolist(), places[1:].tolist(), strict=True)] == runs
    backwards = ragged_indices(places[:-1][::-1], lengths[::-1])
    assert [flat[index] for index in backwards.tolist()] == [value for run in runs[::-1] for value in run]


def same(one: TokenizedDocuments, other: TokenizedDocuments) -> bool:
    return lists(one) == lists(other) and all(
        np.array_equal(getattr(one, name), getattr(other, name))
        and getattr(one, name).dtype == getattr(other, name).dtype
        for name in TokenizedDocuments.__slots__
    )


@given(lengths=LENGTHS, data=st.data())
def test_documents_are_taken_in_any_order(lengths: Lengths, data: st.DataObject) -> None:
    """`take` selects documents in any order, also twice, with their ids and hashes."""
    documents = make_documents(lengths)
    order = data.draw(st.lists(st.integers(0, len(lengths) - 1), max_size=8))
    taken = documents.take(np.array(order, np.int64))
    assert lists(taken) == [lists(documents)[index] for index in order]
    assert taken.document_ids.tolist() == [1000 + index for index in order]
    assert taken.text_hashes.tolist() == [[2 * index, 2 * index + 1] for index in order]
    assert (len(taken), taken.num_sentences) == (len(order), sum(len(lengths[index]) for index in order))


@given(parts=st.lists(LENGTHS, max_size=4))
def test_documents_are_joined(parts: list[Lengths]) -> None:
    """Those of all the parts in their order; of no parts there are none, of the dtype that was asked for."""
    made = [make_documents(lengths) for lengths in parts]
    joined = TokenizedDocuments.concatenate(made, np.dtype(np.uint16))
    assert lists(joined) == [document for part in made for document in lists(part)]
    assert joined.ids.dtype == np.uint16
    assert len(joined) == sum(map(len, made))


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
@given(lengths=LENGTHS)
def test_documents_travel_as_bytes(dtype: type, lengths: Lengths) -> None:
    """The same documents come out, and the same documents give the same bytes."""
    documents = TokenizedDocuments.concatenate([make_documents(lengths)], np.dtype(np.uint16))
    documents = documents.take(np.arange(len(documents)))
    if dtype is np.uint32:
        values = {name: getattr(documents, name) for name in TokenizedDocuments.__slots__}
        documents = TokenizedDocuments(**{**values, "ids": documents.ids.astype(np.uint32) + 70_000})
    sent = documents.to_bytes()
    assert same(TokenizedDocuments.from_bytes(sent), documents)
    assert documents.to_bytes() == sent


def test_no_documents_travel_as_bytes() -> None:
    """An empty batch of documents can be serialized."""
    documents = TokenizedDocuments.concatenate([], np.dtype(np.uint32))
    assert same(TokenizedDocuments.from_bytes(documents.to_bytes()), documents)
    assert lists(documents) == []


def test_what_is_in_order_is_not_copied() -> None:
    """One part joined, all documents taken in their order. A view of bytes is copied, for which no loop is compiled."""
    documents = make_documents([[3, 1], [2]])
    dtype = documents.ids.dtype
    assert TokenizedDocuments.concatenate([documents], dtype) is documents
    assert documents.take(np.arange(2)) is documents
    assert documents.take(np.array([1, 0])) is not documents
    data = documents.to_bytes()
    sent = TokenizedDocuments.from_bytes(bytearray(data))
    assert TokenizedDocuments.concatenate([sent], dtype) is sent
    assert TokenizedDocuments.concatenate([TokenizedDocuments.from_bytes(data)], dtype).ids.flags.writeable
