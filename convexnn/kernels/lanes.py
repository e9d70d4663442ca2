"""Eight float64 numbers in one vector register: compiled code that treats eight problems at once, a lane each.

Lanes take part in arithmetic with each other and with numbers, every lane rounded like a single number. They are read
from and written to flat arrays in which the numbers of the eight problems lie side by side. Comparisons give a bit a
lane. Numba's own vectoriser cannot keep running sums of eight problems in registers, which is what this is for.

Compiled, the functions below are a few instructions each, without bounds checks; in plain Python they work on arrays
of eight.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import lower_builtin, models, register_model, type_callable
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Words = NDArray[np.uint64]
Index = int | np.uint64

LANES = 8
EVERY = np.uint64(2**LANES - 1)  # the bits of all lanes


def fill(value: float) -> Floats:
    """The same number in every lane."""
    return np.full(LANES, value)


def load(array: Floats, start: Index) -> Floats:
    """The numbers of an array from `start` on."""
    return array[start : start + LANES].copy()


def store(array: Floats, start: Index, lanes: Floats) -> None:
    """Write the lanes to an array from `start` on."""
    array[start : start + LANES] = lanes


def load_pairs(array: Floats, start: Index) -> tuple[Floats, Floats]:
    """The first and the second numbers of the pairs of an array from `start` on."""
    pairs = array[start : start + 2 * LANES].reshape(LANES, 2).copy()
    return pairs[:, 0], pairs[:, 1]


def store_pairs(array: Floats, start: Index, first: Floats, second: Floats) -> None:
    """Write the pairs of two lanes to an array from `start` on."""
    array[start : start + 2 * LANES] = np.column_stack((first, second)).ravel()


def gather_pairs(array: Floats, places: Words, start: Index) -> tuple[Floats, Floats]:
    """The pairs of an array that begin at eight places, which are read from `start` on."""
    chosen = places[start : start + LANES]
    return array[chosen], array[chosen + np.uint64(1)]


def add_to_pairs(array: Floats, places: Words, start: Index, first: Floats, second: Floats) -> None:
    """Add the pairs of two lanes to an array, at eight different places, which are read from `start` on."""
    chosen = places[start : start + LANES]
    array[chosen] += first
    array[chosen + np.uint64(1)] += second


def above(lanes: Floats, bound: float) -> np.uint64:
    """The bits of the lanes that are larger than a number; NaN is not."""
    return np.uint64(np.packbits(lanes > bound, bitorder="little")[0])


def at_least(lanes: Floats, bound: float) -> np.uint64:
    """The bits of the lanes that are not smaller than a number; NaN is not."""
    return np.uint64(np.packbits(lanes >= bound, bitorder="little")[0])


def where(bits: np.uint64, one: float, other: float) -> Floats:
    """One number in the lanes whose bits are set, another in the others."""
    return np.where(np.unpackbits(np.uint8(bits), bitorder="little"), one, other)


def root(value: Any) -> Any:
    """The square root of every lane, or of a number."""
    return np.sqrt(value)


def lowest(bits: np.uint64) -> np.uint64:
    """The first lane whose bit is set, of bits that are not all zero."""
    word = int(bits)
    return np.uint64((word & -word).bit_length() - 1)


_DOUBLE, _BIT, _WORD = ir.DoubleType(), ir.IntType(1), ir.IntType(64)
_VECTOR, _PAIR = ir.VectorType(_DOUBLE, LANES), ir.VectorType(_DOUBLE, 2)


class _Lanes(types.Type):
    """What numba takes the lanes for."""

    def __init__(self) -> None:
        super().__init__("Lanes")


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    """One vector of LLVM."""

    def __init__(self, manager: Any, kind: _Lanes) -> None:
        super().__init__(manager, kind, _VECTOR)


_LANES = _Lanes()
_TWO_LANES = types.UniTuple(_LANES, 2)


def _compiles(function: Callable[..., Any], result: types.Type, *operands: type) -> Any:
    """Register the instructions of a function for operands of some types; the decorated function emits them."""

    @wraps(function)  # numba looks at the names of the parameters
    def returned(*kinds: types.Type) -> types.Type | None:
        fits = len(kinds) == len(operands) and all(map(isinstance, kinds, operands))
        return result if fits else None

    type_callable(function)(lambda context: returned)
    return lower_builtin(function, *operands)


def _vector(builder: ir.IRBuilder, kind: types.Type, value: Any) -> Any:
    """Lanes as they are, a number in every lane."""
    if kind == _LANES:
        return value
    nothing = ir.Constant(_VECTOR, ir.Undefined)
    return _shuffle(builder, builder.insert_element(nothing, value, ir.Constant(_WORD, 0)), nothing, [0] * LANES)


def _shuffle(builder: ir.IRBuilder, a: Any, b: Any, order: Iterable[int]) -> Any:
    """The numbers of two vectors, one after the other, in a new order."""
    places = list(order)
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), len(places)), places))


def _at(context: Any, builder: ir.IRBuilder, kind: Any, array: Any, index: Any, distance: int, wanted: ir.Type) -> Any:
    """A pointer to what begins some distance beyond an index of an array."""
    data = context.make_array(kind)(context, builder, array).data
    place = builder.add(index, ir.Constant(_WORD, distance))
    return builder.bitcast(builder.gep(data, [place]), wanted.as_pointer())


def _read(builder: ir.IRBuilder, pointer: Any) -> Any:
    # Aligned like a number: by default a vector is taken to lie at a multiple of its own size.
    return builder.load(pointer, align=8)


@_compiles(fill, _LANES, types.Float)
def _fill(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
    return _vector(builder, types.float64, args[0])


@_compiles(load, _LANES, types.Array, types.Integer)
def _load(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
    array, start = args
    return _read(builder, _at(context, builder, signature.args[0], array, start, 0, _VECTOR))


@_compiles(store, types.none, types.Array, types.Integer, _Lanes)
def _store(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
    array, start, lanes = args
    builder.store(lanes, _at(context, builder, signature.args[0], array, start, 0, _VECTOR), align=8)
    return context.get_dummy_value()


def _apart(context: Any, builder: ir.IRBuilder, left: Any, right: Any) -> Any:
    """The first and the second numbers of the pairs of two vectors."""
    parts = [_shuffle(builder, left, right, range(first, 2 * LANES, 2)) for first in (0, 1)]
    return context.make_tuple(builder, _TWO_LANES, parts)


@_compiles(load_pairs, _TWO_LANES, types.Array, types.Integer)
def _load_pairs(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
    array, start = args
    pointers = [_at(context, builder, signature.args[0], array, start, part, _VECTOR) for part in (0, LANES)]
    left, right = (_read(builder, pointer) for pointer in pointers)
    return _apart(context, builder, left, right)


@_compiles(store_pairs, types.none, types.Array, types.Integer, _Lanes, _Lanes)
def _store_pairs(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
    array, start, first, second = args
    in_turn = [place for lane in range(LANES) for place in (lane, LANES + lane)]
    for part in (0, LANES):
        half = _shuffle(builder, first, second, in_turn[part : part + LANES])
        builder.store(half, _at(context, builder, signature.args[0], array, start, part, _VECTOR), align=8)
    return context.get_dummy_value()


def _pointers(context: Any, builder: ir.IRBuilder, signature: Any, array: Any, places: Any, start: Any) -> list[Any]:
    """To the pairs of an array that begin at eight places."""
    pairs, words = signature.args[:2]
    read = [builder.load(_at(context, builder, words, places, start, lane, _WORD)) for lane in range(LANES)]
    return [_at(context, builder, pairs, array, place, 0, _PAIR) for place in read]


@_compiles(gather_pairs, _TWO_LANES, types.Array, types.Array, types.Integer)
def _gather_pairs(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
    array, places, start = args
    parts = [_read(builder, pointer) for pointer in _pointers(context, builder, signature, array, places, start)]
    while len(parts) > 2:
        longer = range(2 * parts[0].type.count)
        parts = [_shuffle(builder, a, b, longer) for a, b in zip(parts[::2], parts[1::2], strict=True)]
    left, right = parts
    return _apart(context, builder, left, right)


@_compiles(add_to_pairs, types.none, types.Array, types.Array, types.Integer, _Lanes, _Lanes)
def _add_to_pairs(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
    array, places, start, first, second = args
    for lane, pointer in enumerate(_pointers(context, builder, signature, array, places, start)):
        pair = _shuffle(builder, first, second, (lane, LANES + lane))
        builder.store(builder.fadd(_read(builder, pointer), pair), pointer, align=8)
    return context.get_dummy_value()


@_compiles(where, _LANES, types.Integer, types.Float, types.Float)
def _where(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
    flags = builder.bitcast(builder.trunc(args[0], ir.IntType(LANES)), ir.VectorType(_BIT, LANES))
    one, other = (_vector(builder, types.float64, value) for value in args[1:])
    return builder.select(flags, one, other)


@_compiles(root, types.float64, types.Float)
@_compiles(root, _LANES, _Lanes)
def _root(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
    kind = args[0].type
    name = f"llvm.sqrt.v{LANES}f64" if kind == _VECTOR else "llvm.sqrt.f64"
    return builder.call(cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind]), name), args)


@_compiles(lowest, types.uint64, types.Integer)
def _lowest(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
    return builder.cttz(args[0], ir.Constant(_BIT, 1))


def _of_two(function: Callable[..., Any], result: types.Type, emit: Callable[[ir.IRBuilder, Any, Any], Any]) -> None:
    """Let a function take lanes and lanes, or lanes and a number."""
    for operands in ((_Lanes, _Lanes), (_Lanes, types.Float), (types.Float, _Lanes)):

        @_compiles(function, result, *operands)
        def _(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
            return emit(builder, *(_vector(builder, *operand) for operand in zip(signature.args, args, strict=True)))


def _compare(relation: str) -> Callable[[ir.IRBuilder, Any, Any], Any]:
    def emit(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
        flags = builder.fcmp_ordered(relation, a, b)
        return builder.zext(builder.bitcast(flags, ir.IntType(LANES)), _WORD)

    return emit


_of_two(operator.add, _LANES, ir.IRBuilder.fadd)
_of_two(operator.iadd, _LANES, ir.IRBuilder.fadd)
_of_two(operator.sub, _LANES, ir.IRBuilder.fsub)
_of_two(operator.mul, _LANES, ir.IRBuilder.fmul)
_of_two(operator.truediv, _LANES, ir.IRBuilder.fdiv)
_of_two(above, types.uint64, _compare(">"))
_of_two(at_least, types.uint64, _compare(">="))
