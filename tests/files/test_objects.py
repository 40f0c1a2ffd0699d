"""What the object stores share: one client per process and set of options, URLs, messages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nspdata.errors import InputError
from nspdata.files import options
from nspdata.files.objects import Clients, access_denied, missing_bucket, split_url


@pytest.fixture
def configured() -> Iterator[None]:
    """Restores the options after the test."""
    before = options.configured()
    yield
    options.configure(before)


def test_a_client_is_made_once_and_again_for_other_options(configured: None) -> None:
    """Each bucket is tested once; other options give another client, and the bucket is tested again."""
    made, tested = [], []
    clients = Clients(lambda: made.append(object()) or made[-1])
    options.configure(["--s3_endpoint_url=http://a"])
    for bucket in ("one", "one", "two"):
        assert clients.reach(bucket, tested.append) is made[0]
    assert (len(made), len(tested)) == (1, 2)
    options.configure(["--s3_endpoint_url=http://b"])
    assert clients.reach("one", tested.append) is made[1]
    assert (len(made), len(tested)) == (2, 3)


def test_a_bucket_that_cannot_be_reached_is_tested_again(configured: None) -> None:
    """An error of the test request is raised, and the next use makes the request again."""
    clients, calls = Clients(object), []

    def refuse(client: object) -> None:
        calls.append(client)
        raise InputError("no")

    for _ in range(2):
        with pytest.raises(InputError):
            clients.reach("one", refuse)
    assert len(calls) == 2


def test_messages_name_the_bucket() -> None:
    """Errors for a missing bucket, missing access and a URL without a bucket name the bucket or the URL."""
    assert "there is no bucket s3://b;" in str(missing_bucket("s3://b/a/c.txt"))
    assert "access to gs://b, or set X" in str(access_denied("gs://b/a", "set X"))
    with pytest.raises(InputError, match="write gs://BUCKET/PATH"):
        split_url("gs:///a")
