"""The same function over many items, in this process or in several."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from nspdata.building.pool import ProcessPool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Item = TypeVar("Item")
Result = TypeVar("Result")


class Map(Protocol):
    """Calls a function with many items."""

    def __call__(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, title: Callable[[Item], str]
    ) -> Iterator[Result]:
        """Yields the result of each item, in the order of the items.

        Args:
            function: one of a module, because it may run in another process.
            items: its arguments.
            title: says what is done with an item, for the message about a worker process that died.
        """


@contextmanager
def processes(num_workers: int, initialize: Callable[..., None], *arguments: Any) -> Iterator[Map]:
    """Starts this many processes, if more than one; they are stopped when the block ends.

    Args:
        num_workers: processes; 1 or fewer for this process alone.
        initialize: called first in each process, with `arguments`.
        arguments: pickled, except with the start method `fork`.
    """
    if num_workers <= 1:
        initialize(*arguments)
        yield _here
        return
    with ProcessPool(num_workers, initialize=initialize, arguments=arguments) as pool:

        def spread(
            function: Callable[[Item], Result], items: Iterable[Item], *, title: Callable[[Item], str]
        ) -> Iterator[Result]:
            for future in [pool.submit(title(item), function, item) for item in items]:
                yield future.result()

        yield spread


def _here(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    title: Callable[[Item], str],  # noqa: ARG001 - only a worker process that died needs one
) -> Iterator[Result]:
    return map(function, items)
