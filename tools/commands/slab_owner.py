"""`slab_owner`: who asked for the objects in use, by the words for the last user of --slab-debug U."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tools.commands.page_owner import Place, place
from tools.commands.slabs import cache_of
from tools.errors import CommandError
from tools.registry import Command, Registry
from tools.session import Session


@dataclass
class Owner:
    """Objects of a cache that one call has asked for. place: None where the kernel did for itself, as at boot."""

    objects: int
    bytes: int
    cache: str
    place: Place | None


@dataclass
class OwnedObject:
    """An object in use."""

    address: int
    cache: str
    place: Place | None


@dataclass
class Owned:
    """Owners, programs before the kernel itself and the one with the most bytes first; or objects by cache and address.

    left: how many follow.
    """

    rows: list[Owner] | list[OwnedObject]
    left: int


def slab_owner(session: Session, cachep: int | None, listed: bool, count: int | None) -> Owned:
    """Who has the objects in use of a cache, or of all that say so; `listed`: one by one."""
    kernel = session.kernel
    caches = kernel.slab_caches()
    if not kernel.layout.slab_debug:
        raise CommandError("the kernel keeps last users only on a machine started with --slab-debug U")
    users = {va: kernel.slab_users(va) for va in ([cachep] if cachep is not None else caches)}
    known = {va: found for va, found in users.items() if found is not None}
    if not known:
        raise CommandError(
            f"objects of {caches[cachep]} have no word for their last user" if cachep is not None
            else "no cache has last users: the machine was started without U in --slab-debug"
        )  # fmt: skip
    places = {user: place(session, user) if user else None for found in known.values() for _, user in found}
    rows: list[Any]
    if listed:
        rows = [OwnedObject(obj, caches[va], places[user]) for va in known for obj, user in sorted(known[va])]
    else:
        counts = Counter((va, user) for va, found in known.items() for _, user in found)
        rows = [
            Owner(n, n * kernel.slab.kmem_cache_size(va), caches[va], places[user]) for (va, user), n in counts.items()
        ]
        rows.sort(key=lambda owner: (owner.place is None, -owner.bytes, -owner.objects))
    most = len(rows) if count is None else count
    return Owned(rows[:most], max(0, len(rows) - most))


def _parse(session: Session, text: str) -> tuple[Any, ...]:
    cachep, listed, count = None, False, None
    try:
        words = iter(shlex.split(text))
    except ValueError as error:
        raise CommandError(str(error)) from None
    for word in words:
        if word == "-l":
            listed = True
        elif word == "-n":
            number = next(words, "")
            if not number.isdecimal() or not int(number):
                raise CommandError("-n takes a number, 1 or more")
            count = int(number)
        elif word.startswith("-"):
            raise CommandError(f"{word!r} is no option of slab_owner")
        elif cachep is not None:
            raise CommandError(f"takes one cache, but got {word!r} too")
        else:
            cachep = cache_of(session, word)
    return cachep, listed, count


def _lines(owned: Owned) -> Iterator[str]:
    if not owned.rows:
        yield "no object is in use"
    elif isinstance(owned.rows[0], Owner):
        yield f"{'OBJECTS':>7} {'BYTES':>9}  {'CACHE':<17} ALLOCATED AT"
    else:
        yield f"{'OBJECT':<8}  {'CACHE':<17} ALLOCATED AT"
    for row in owned.rows:
        what = f"{row.objects:7d} {row.bytes:9d}" if isinstance(row, Owner) else f"{row.address:08x}"
        yield f"{what}  {row.cache:<17} {row.place or 'the kernel itself'}"
    if owned.left:
        yield f"... {owned.left} more: -n COUNT shows them"


def register(registry: Registry) -> None:
    """Add the command of this module."""
    registry.add(Command(
        name="slab_owner", arguments="[CACHE] [-l] [-n COUNT]", example="slab_owner -n 10",
        summary="who asked for the slab objects in use (--slab-debug U)",
        details="The machine must have been started with --slab-debug, with U or without letters. For each line of a\n"
        "program that asked for objects: how many of them are in use, the one with the most bytes first.\n"
        "CACHE: a name, or the address of a struct kmem_cache; without it all caches\n"
        "-l  object by object\n"
        "-n  so many lines",
        parse=_parse, compute=slab_owner, text=lambda owned: "".join(f"{line}\n" for line in _lines(owned)),
    ))  # fmt: skip
