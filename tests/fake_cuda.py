"""A GPU that is not there: torch's fake tensors on "cuda", and what the edges of torch need.

Fake tensors have a shape, a type and a device, and no values. Creation on "cuda" works on any
machine, and an operation on tensors of two devices raises as it would on a GPU. What leaves torch
(``.numpy()``, ``float(...)``) has no fake of its own; the handlers below give it one, and refuse
what a GPU would refuse. Numbers that come back are zeros, truth values are true.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.overrides import TorchFunctionMode

Handler = Callable[..., Any]
_HANDLERS: dict[Any, Handler] = {}


def _handles(*functions: Any) -> Callable[[Handler], Handler]:
    def note(handler: Handler) -> Handler:
        _HANDLERS.update(dict.fromkeys(functions, handler))
        return handler

    return note


class _Edges(TorchFunctionMode):
    """Gives fakes to the functions that lead out of torch; notes what gave a tensor on "cuda"."""

    def __init__(self, seen: set[str]) -> None:
        super().__init__()
        self._seen = seen

    def __torch_function__(self, function, types, args=(), kwargs=None):
        out = self._call(function, args, kwargs)
        if isinstance(out, FakeTensor) and out.is_cuda:
            self._seen.add(getattr(function, "__name__", ""))
        return out

    def _call(self, function, args, kwargs):
        args = [_with_index(value) for value in args]
        kwargs = {name: _with_index(value) for name, value in (kwargs or {}).items()}
        handler = _HANDLERS.get(function)
        faked = any(isinstance(value, FakeTensor) for value in args)
        if handler is not None and (faked or function is torch.Tensor.to):
            return handler(function, *args, **kwargs)
        return function(*args, **kwargs)


def _with_index(value: Any) -> Any:
    """Return "cuda:0" for "cuda": torch asks the driver which GPU is meant."""
    if isinstance(value, str) and value == "cuda":
        return "cuda:0"
    bare = isinstance(value, torch.device) and value == torch.device("cuda")
    return torch.device("cuda:0") if bare else value


@_handles(torch.Tensor.to)
def _to(function, tensor: torch.Tensor, *args, **kwargs):
    """Fill a new tensor on the device: torch would carry small constants over with their values."""
    if args and isinstance(args[0], torch.Tensor):
        device, dtype = args[0].device, args[0].dtype
    else:
        kwargs.pop("copy", None)
        device, dtype, *_ = torch._C._nn._parse_to(*args, **kwargs)
    if device is None or device == tensor.device:
        return function(tensor, *args, **kwargs)
    last = tensor.ndim == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if last else torch.contiguous_format
    return torch.empty(
        tensor.shape, device=device, dtype=dtype or tensor.dtype, memory_format=layout
    )


@_handles(torch.Tensor.numpy, torch.Tensor.__array__)
def _numpy(_, tensor: torch.Tensor, *args, **kwargs):
    if tensor.is_cuda:
        raise TypeError("can't convert cuda:0 device type tensor to numpy")
    kind = torch.empty(0, dtype=tensor.dtype, device="meta").dtype
    return np.zeros(tuple(tensor.shape), str(kind).removeprefix("torch."))


@_handles(torch.Tensor.item, torch.Tensor.__float__, torch.Tensor.__int__, torch.Tensor.__bool__)
def _number(function, tensor: torch.Tensor):
    if tensor.numel() != 1:
        raise RuntimeError(f"a tensor of shape {tuple(tensor.shape)} is no number")
    kinds = {torch.Tensor.__bool__: bool, torch.Tensor.__int__: int, torch.Tensor.__float__: float}
    return kinds.get(function, float)(1)


@_handles(torch.Tensor.tolist)
def _list(_, tensor: torch.Tensor):
    return np.zeros(tuple(tensor.shape)).tolist()


@_handles(torch.Tensor.contiguous)
def _contiguous(_, tensor: torch.Tensor, memory_format=torch.contiguous_format):
    if tensor.is_contiguous(memory_format=memory_format):
        return tensor
    return torch.ops.aten.clone.default(tensor, memory_format=memory_format)


@_handles(torch.Tensor.copy_)
def _copy(_, out: torch.Tensor, source: torch.Tensor, *args, **kwargs):
    """Copying may cross devices."""
    if torch.broadcast_shapes(out.shape, source.shape) != out.shape:
        raise RuntimeError(f"{tuple(source.shape)} does not fit into {tuple(out.shape)}")
    return out


@_handles(torch.Tensor.__getitem__)
def _select(_, tensor: torch.Tensor, index: Any) -> torch.Tensor:
    """Index by the operations behind it: torch's own way asks the driver first.

    Where a mask chooses, which nobody knows of a fake, it chooses all.
    """
    parts = index if isinstance(index, tuple) else (index,)
    parts = _without_ellipsis(parts, tensor.ndim)
    axis, by_tensor = 0, {}
    for part in parts:
        if part is None:
            tensor = tensor.unsqueeze(axis)
        elif isinstance(part, slice):
            start, stop, step = part.indices(tensor.shape[axis])
            tensor = torch.ops.aten.slice.Tensor(tensor, axis, start, stop, step)
        elif isinstance(part, int | np.integer):
            tensor = torch.ops.aten.select.int(tensor, axis, int(part))
            axis -= 1
        elif part.dtype != torch.bool:
            by_tensor[axis] = part
        elif part.device not in (tensor.device, torch.device("cpu")):
            raise RuntimeError(f"a mask on {part.device} of a tensor on {tensor.device}")
        axis += 1
    if not by_tensor:
        return tensor
    indices = [by_tensor.get(i) for i in range(max(by_tensor) + 1)]
    return torch.ops.aten.index.Tensor(tensor, indices)


def _without_ellipsis(parts: tuple, ndim: int) -> tuple:
    places = [i for i, part in enumerate(parts) if part is Ellipsis]
    if not places:
        return parts
    taken = sum(part is not None and part is not Ellipsis for part in parts)
    fill = (slice(None),) * (ndim - taken)
    return (*parts[: places[0]], *fill, *parts[places[0] + 1 :])


@_handles(torch.Tensor.__setitem__)
def _put(_, tensor: torch.Tensor, index: Any, value: Any) -> None:
    place = _select(None, tensor, index)
    if isinstance(value, torch.Tensor):
        _copy(None, place, value)


@_handles(torch.ops.aten.threshold_backward.grad_input)
def _relu_back(_, *args, grad_input: torch.Tensor):
    return _copy(None, grad_input, torch.ops.aten.threshold_backward.default(*args))


@_handles(torch.Tensor.__deepcopy__)
def _deepcopy(_, tensor: torch.Tensor, memo: dict) -> torch.Tensor:
    clone = torch.ops.aten.clone.default(tensor)
    kept = _parameter(clone) if isinstance(tensor, torch.nn.Parameter) else clone
    return memo.setdefault(id(tensor), kept)


def _parameter(values: torch.Tensor) -> torch.nn.Parameter:
    return torch.nn.Parameter(values, requires_grad=False)


@_handles(torch.bincount)
def _bincount(_, tensor: torch.Tensor, minlength: int = 0):
    return torch.zeros(minlength, dtype=torch.int64, device=tensor.device)


class InThisThread(Executor):
    """Does the work where it is given: modes of torch hold for one thread."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def submit(self, function, /, *args, **kwargs):
        future: Future = Future()
        future.set_result(function(*args, **kwargs))
        return future


def _move_module(module: torch.nn.Module, *args: Any, **kwargs: Any) -> torch.nn.Module:
    """Put new parameters where torch would change the old ones in place."""
    if not args:
        return module  # another layout in memory: nothing to see here
    for part in module.modules():
        for name, parameter in part._parameters.items():
            part._parameters[name] = _parameter(parameter.detach().to(*args, **kwargs))
    return module


@contextmanager
def fake_cuda(*, bfloat16: bool = True) -> Iterator[set[str]]:
    """Make "cuda" the device of fake tensors, and ``resolve_device`` believe in it.

    Without gradients: autograd asks the driver for the GPU of every tensor.

    Yields
    ------
    set of str
        Grows by the names of torch's functions that gave a tensor on "cuda".
    """
    seen: set[str] = set()
    with (
        mock.patch.object(torch.cuda, "is_available", return_value=True),
        mock.patch.object(torch.cuda, "is_bf16_supported", return_value=bfloat16),
        mock.patch.object(torch.cuda, "is_current_stream_capturing", return_value=False),
        mock.patch.object(torch.cuda, "mem_get_info", return_value=(2 * 10**9, 3 * 10**9)),
        mock.patch.object(torch._subclasses.fake_tensor, "init_gpu_context"),
        mock.patch.object(torch.nn.Module, "to", _move_module),
        torch.no_grad(),
        FakeTensorMode(allow_non_fake_inputs=True),
        _Edges(seen),
    ):
        yield seen
