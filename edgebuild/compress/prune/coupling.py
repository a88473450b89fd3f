"""Which channels of which layers can only go together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Element:
    """One channel on one side of one layer, or one index of a parameter that stands by itself (`tensor`)."""

    layer: str
    side: str
    tensor: str
    index: int


class Coupling:
    """Disjoint sets of elements (R. E. Tarjan, Efficiency of a good but not linear set union algorithm, 1975)."""

    def __init__(self) -> None:
        self._parent: dict[Element, Element] = {}

    def join(self, first: Element, second: Element) -> None:
        """From now on the two go together."""
        one, other = self._root(first), self._root(second)
        if one != other:
            self._parent[other] = one

    def classes(self) -> list[list[Element]]:
        """Every set, in the order in which its first element was seen."""
        found: dict[Element, list[Element]] = {}
        for element in self._parent:
            found.setdefault(self._root(element), []).append(element)
        return list(found.values())

    def _root(self, element: Element) -> Element:
        parent = self._parent.setdefault(element, element)
        while parent != self._parent[parent]:
            self._parent[parent] = self._parent[self._parent[parent]]
            parent = self._parent[parent]
        self._parent[element] = parent
        return parent
