# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, embedsignature=False
"""The compiled writer in machine code: what ``source.py`` does, in less than half of the time, where it could be built.

A call goes through three steps: each value is compared with the way in which the last ones came, and its memory is found; the
lock is taken; then memory is copied into the ring, and the head moves. While the lock is held, Python only looks for room, which
is rare, and publishes beside a device.

Values may have code of Python, and other threads run while a call waits: they may resize or replace an array. So a call holds
its arrays and tensors, and finds their memory when all such code has run; once more where it had to wait or to look for room.
From there on it makes no object that the garbage collector knows: making one may collect, and that runs finalizers.

Tensors are read through DLPack's C exchange table, which torch 2.10 and newer put on their classes: one call tells device, dtype,
shape and address. ``native_writer.py`` says for which values there is a writer.
"""

import numpy as np

from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItem
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cpython.object cimport PyObject, PyObject_CallObject, Py_TYPE
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

cimport numpy as cnp

cnp.import_array()

__all__ = [
    "ARRAY", "INTERFACE", "MAX_AXES", "NUMBER", "NUMBERS", "OBJECT", "SCALAR", "TENSOR", "TEXT", "TEXTS", "WHOLE",
    "NativeBlocks", "NativeEnds", "NativeEvents", "NativeSteps", "NativeTemplate", "NativeWriter", "has_exchange", "is_same_memory",
]  # fmt: skip

INTERFACE = 3
"""Changes with what ``native_writer.py`` passes: code that was built before is not used after."""

WHOLE, NUMBER, NUMBERS, SCALAR, ARRAY, TENSOR, OBJECT, TEXT, TEXTS = range(9)

cdef enum:
    _WHOLE, _NUMBER, _NUMBERS, _SCALAR, _ARRAY, _TENSOR, _OBJECT, _TEXT, _TEXTS
    _MAX_AXES = 10
    _MAX_ARGUMENTS = 32

MAX_AXES = _MAX_AXES

cdef extern from *:
    """
    #include <stdint.h>

    /* Of DLPack 1: what is read of its tensors and of its exchange table. */
    typedef struct { int32_t type; int32_t id; } dl_device;
    typedef struct { uint8_t code; uint8_t bits; uint16_t lanes; } dl_dtype;
    typedef struct {
        void *data; dl_device device; int32_t n_axes; dl_dtype dtype;
        int64_t *shape; int64_t *strides; uint64_t byte_offset;
    } dl_tensor;
    typedef struct {
        uint32_t major; uint32_t minor; void *older;
        void *allocate; void *managed_from_object; void *managed_to_object;
        int (*look)(void *object, dl_tensor *found);
        void *current_stream;
    } dl_exchange;

    #define tuple_items(tuple) (((PyTupleObject *)(tuple))->ob_item)

    static void put_big_endian(char *place, double value) {
        uint64_t bits;
        int at;
        memcpy(&bits, &value, 8);
        for (at = 7; at >= 0; at--) {
            place[at] = (char)(bits & 0xff);
            bits >>= 8;
        }
    }

    static void publish_word(void *place, uint64_t value) {
    #if defined(__GNUC__) || defined(__clang__)
        __atomic_store_n((uint64_t *)place, value, __ATOMIC_RELEASE);
    #else
        *(volatile uint64_t *)place = value;
    #endif
    }
    """
    ctypedef struct dl_device:
        int32_t type
    ctypedef struct dl_dtype:
        uint8_t code
        uint8_t bits
        uint16_t lanes
    ctypedef struct dl_tensor:
        void* data
        dl_device device
        int32_t n_axes
        dl_dtype dtype
        int64_t* shape
        int64_t* strides
        uint64_t byte_offset
    ctypedef struct dl_exchange:
        uint32_t major
        int (*look)(void* value, dl_tensor* found) except -1
    PyObject** tuple_items(object values)
    void put_big_endian(char* place, double value) noexcept nogil
    void publish_word(void* place, uint64_t value) noexcept nogil

cdef struct Column:
    # Small: emptied caches are where a call spends its time.
    int16_t argument  # -1: it is the extra named ``key``
    uint8_t form
    char kind
    uint8_t item_bytes
    uint8_t n_axes
    uint8_t is_there
    uint8_t is_array  # ``value`` is an array, whatever the form
    int32_t has_at  # -1: the value is always there
    int64_t n_items
    int64_t at
    int64_t n_bytes
    int64_t* axes
    PyObject* cls
    PyObject* key
    dl_exchange* exchange
    PyObject* value  # this call's array or tensor, whose memory is read; NULL: ``data`` is memory made here
    const char* data  # of this call's value

cdef int64_t _EXACT_WHOLE = 9007199254740992

cdef tuple _AT_ONCE = (False,)  # for a lock; arguments that are passed one by one would become a tuple with each call


cdef dl_exchange* _exchange_of(object cls) except? NULL:
    """The exchange table of a class of tensors; NULL when it has none that can be used."""
    capsule = getattr(cls, "__dlpack_c_exchange_api__", None)
    if capsule is None:
        return NULL
    cdef dl_exchange* found = <dl_exchange*>PyCapsule_GetPointer(capsule, "dlpack_exchange_api")
    return found if found.major == 1 and found.look != NULL else NULL


def has_exchange(cls):
    """Whether tensors of that class can be read."""
    return _exchange_of(cls) != NULL


cdef bint _take_number(char kind, object value, char* place) except -1:
    """Write one of Python's numbers; False when the column does not hold it exactly."""
    cdef object cls = type(value)
    cdef int64_t whole
    if kind == b"f":
        if cls is float:
            (<double*>place)[0] = <double>value
            return True
        if cls is int:
            whole = value  # raises where it does not fit
            if not -_EXACT_WHOLE <= whole <= _EXACT_WHOLE:
                return False
            (<double*>place)[0] = <double>whole
            return True
        if cls is bool:
            (<double*>place)[0] = 1.0 if value is True else 0.0
            return True
        return False
    if kind == b"i":
        if cls is int:
            (<int64_t*>place)[0] = value
            return True
        if cls is bool:
            (<int64_t*>place)[0] = 1 if value is True else 0
            return True
        return False
    if cls is not bool:
        return False
    place[0] = 1 if value is True else 0
    return True


cdef enum:
    _OTHER, _FOUND, _NOT_IN_A_ROW


cdef int _find(Column* column) except -1:
    """Find the memory of this call's array or tensor; no code of Python runs."""
    cdef dl_tensor found
    cdef cnp.ndarray array
    cdef int64_t stride = 1
    cdef bint is_plain = True
    cdef int axis
    if column.is_array:
        array = <cnp.ndarray>column.value
        if cnp.PyArray_NDIM(array) != column.n_axes:
            return _OTHER
        for axis in range(column.n_axes):
            if cnp.PyArray_DIM(array, axis) != column.axes[axis]:
                return _OTHER
        if (
            array.descr.kind != column.kind
            or cnp.PyArray_ITEMSIZE(array) != column.item_bytes
            or not cnp.PyArray_ISNOTSWAPPED(array)
        ):
            return _OTHER
        column.data = cnp.PyArray_BYTES(array)
        return _FOUND if cnp.PyArray_IS_C_CONTIGUOUS(array) else _NOT_IN_A_ROW
    column.exchange.look(<void*>column.value, &found)  # raises for a tensor without memory
    if found.n_axes != column.n_axes or found.dtype.lanes != 1 or found.dtype.bits != 8 * column.item_bytes:
        return _OTHER
    if found.device.type != 1 or found.dtype.code != _code_of(column.kind):
        return _OTHER
    for axis in range(column.n_axes - 1, -1, -1):
        if found.shape[axis] != column.axes[axis]:
            return _OTHER
        if found.strides != NULL and found.shape[axis] != 1 and found.strides[axis] != stride:
            is_plain = False
        stride *= found.shape[axis]
    if column.n_bytes > 0 and found.data == NULL:
        return _OTHER
    column.data = <const char*>found.data + found.byte_offset
    return _FOUND if is_plain or column.n_bytes == 0 else _NOT_IN_A_ROW


cdef class NativeWriter:
    """Writes records of one layout.

    Args:
        writer: a ``RingWriter``; its memory is held as long as this.
        acquire: takes the writer's lock; False when that takes too long.
        columns: ``(argument, key, form, kind, item_bytes, axes, at, has_at, cls)`` each; see ``native_writer.py``.
        absent: places among the arguments whose value must be None.
        n_arguments: of ``write``; the last are the extras.
        as_array: reads anything else that numpy can view.
        plain_bytes: the UTF-8 of a text that fits its place; None for any other.
        word: the record's first.
        n_bytes: of a record.
        generation: of the writer's, in which the layout got its id.
        is_large: whether other records go first.
    """

    cdef object _writer, _acquire, _try_lock, _release, _as_array, _plain_bytes
    cdef object _kept
    cdef list _held
    cdef Py_buffer _memory
    cdef Column* _columns
    cdef int64_t* _axes
    cdef char* _small
    cdef int _absent[_MAX_ARGUMENTS]
    cdef int _n_absent, _n_columns, _n_extras, _n_arguments
    cdef bint _are_extras_counted, _is_large, _is_busy
    cdef uint64_t _word
    cdef int64_t _n_bytes, _generation, _ring_at, _head_at

    def __cinit__(self, writer, acquire, *, columns, absent, n_arguments, as_array, plain_bytes, word, n_bytes, generation, is_large, head_at):
        cdef Column* column
        cdef int64_t n_small = 0
        cdef int index, axis
        self._writer, self._acquire = writer, acquire
        self._try_lock, self._release = writer.lock.acquire, writer.lock.release
        self._as_array, self._plain_bytes = as_array, plain_bytes
        self._word, self._n_bytes, self._generation, self._is_large = word, n_bytes, generation, is_large
        self._n_arguments = n_arguments
        self._ring_at, self._head_at = writer.ring.ring_at, head_at
        if n_arguments > _MAX_ARGUMENTS:
            raise ValueError(f"expected at most {_MAX_ARGUMENTS} arguments, found {n_arguments}")
        self._n_absent = len(absent)
        for index in range(self._n_absent):
            self._absent[index] = absent[index]
        self._held = []
        self._kept = tuple(columns)  # owns the classes and keys
        self._n_columns = len(columns)
        self._columns = <Column*>PyMem_Calloc(self._n_columns + 1, sizeof(Column))
        self._axes = <int64_t*>PyMem_Calloc(self._n_columns * _MAX_AXES + 1, sizeof(int64_t))
        if self._columns == NULL or self._axes == NULL:
            raise MemoryError
        PyObject_GetBuffer(writer.ring.memory, &self._memory, PyBUF_WRITABLE)
        for index in range(self._n_columns):
            argument, key, form, kind, item_bytes, axes, at, has_at, cls = self._kept[index]
            column = &self._columns[index]
            column.argument, column.form, column.kind = argument, form, ord(kind)
            column.item_bytes, column.n_axes = item_bytes if item_bytes < 256 else 0, len(axes)
            column.has_at, column.at = has_at, at
            column.axes = self._axes + index * _MAX_AXES
            column.cls, column.key = <PyObject*>cls, <PyObject*>key
            column.n_items = 1
            for axis in range(len(axes)):
                column.axes[axis] = axes[axis]
                column.n_items *= axes[axis]
            column.n_bytes = column.n_items * <int64_t>item_bytes
            if form == _TENSOR:
                column.exchange = _exchange_of(cls)
                if column.exchange == NULL:
                    raise ValueError(f"{cls.__name__} has no exchange table")
            if form in (_WHOLE, _NUMBER, _NUMBERS, _SCALAR):
                n_small += (column.n_bytes + 7) & ~7
            if argument < 0:
                self._n_extras += 1
                self._are_extras_counted = self._are_extras_counted or has_at >= 0
        self._small = <char*>PyMem_Calloc(n_small + 16, 1)
        if self._small == NULL:
            raise MemoryError
        n_small = 0
        for index in range(self._n_columns):
            column = &self._columns[index]
            if column.form in (_WHOLE, _NUMBER, _NUMBERS, _SCALAR):
                column.data = self._small + n_small
                n_small += (column.n_bytes + 7) & ~7

    def __dealloc__(self):
        PyMem_Free(self._columns)
        PyMem_Free(self._axes)
        PyMem_Free(self._small)
        if self._memory.buf != NULL:
            PyBuffer_Release(&self._memory)

    def write(self, *arguments):
        """See ``Writer`` in ``source.py``."""
        if len(arguments) != self._n_arguments:
            raise TypeError(f"expected {self._n_arguments} arguments, found {len(arguments)}")
        return self._write(tuple_items(arguments))

    cdef object _write(self, PyObject** arguments):
        """The same, given memory that holds the arguments."""
        if self._is_busy:  # another thread is in here: the slow way needs nothing of this object
            return False
        self._is_busy = True
        try:
            if not self._take_all(arguments):
                return False
            return self._put()
        finally:
            self._is_busy = False
            if self._held:
                self._held.clear()

    cdef bint _take_all(self, PyObject** arguments) except -1:
        """Take all values and find their memory; False when one comes another way."""
        cdef Column* column
        cdef PyObject* found
        cdef object extras = <object>arguments[self._n_arguments - 1]
        cdef object value
        cdef bint is_dict = type(extras) is dict
        cdef int n_extras = 0
        cdef int index
        for index in range(self._n_absent):
            if arguments[self._absent[index]] != <PyObject*>None:
                return False
        if self._n_extras == 0:
            if extras is not None and extras:
                return False
        elif extras is None:
            if not self._are_extras_counted:
                return False
        elif not self._are_extras_counted and len(extras) != self._n_extras:
            return False
        for index in range(self._n_columns):
            column = &self._columns[index]
            if column.argument >= 0:
                value = <object>arguments[column.argument]
            elif is_dict:
                found = <PyObject*>PyDict_GetItem(extras, <object>column.key)
                value = None if found == NULL else <object>found
            else:
                value = None if extras is None else extras.get(<object>column.key)
            if value is None:
                if column.has_at < 0:
                    return False
                column.is_there = False
                continue
            if column.argument < 0:
                n_extras += 1
            column.is_there = True
            column.value = NULL
            if not self._take(column, value):
                return False
            if column.argument < 0 and column.value != NULL:
                self._held.append(value)  # whoever gave the extras may replace it
        if self._are_extras_counted and n_extras != (0 if extras is None else len(extras)):
            return False
        return self._find_all(True)

    cdef bint _take(self, Column* column, object value) except -1:
        """Take one value; the memory of an array or tensor is found later."""
        cdef int form = column.form
        cdef Py_ssize_t index
        if form == _TENSOR:
            return self._take_tensor(column, value)
        if form == _ARRAY:
            return type(value) is cnp.ndarray and self._take_array(column, value)
        if form == _NUMBER:
            return _take_number(column.kind, value, <char*>column.data)
        if form == _WHOLE:
            if type(value) is not int:
                return False
            (<int64_t*>column.data)[0] = value
            return True
        if form == _NUMBERS:
            if <PyObject*>Py_TYPE(value) != column.cls or len(value) != column.n_items:
                return False
            for index in range(column.n_items):
                if not _take_number(column.kind, value[index], <char*>column.data + index * column.item_bytes):
                    return False
            return True
        if form == _TEXTS:
            return self._take_texts(column, value)
        if <PyObject*>Py_TYPE(value) != column.cls:
            return False
        if form == _SCALAR:
            cnp.PyArray_ScalarAsCtype(value, <void*>column.data)
            return True
        if form == _TEXT:
            return self._hold(column, self._plain_bytes(value, column.n_bytes))
        array = self._as_array(value)
        self._held.append(array)
        return cnp.PyArray_Check(array) and self._take_array(column, array)

    cdef bint _hold(self, Column* column, object data) except -1:
        """Take bytes made here; the rest of their place is zero."""
        if data is None:
            return False
        if PyBytes_GET_SIZE(data) < column.n_bytes:
            data = (<bytes>data).ljust(column.n_bytes, b"\0")
        self._held.append(data)
        column.data = PyBytes_AS_STRING(data)
        return True

    cdef bint _take_texts(self, Column* column, object value) except -1:
        """One text a lane."""
        if type(value) is str or len(value) != column.n_items:
            return False
        capacity = column.n_bytes // column.n_items
        texts = [self._plain_bytes(text, capacity) for text in value]
        if None in texts:
            return False
        return self._hold(column, b"".join([text.ljust(capacity, b"\0") for text in texts]))

    cdef bint _take_array(self, Column* column, object array):
        column.value, column.is_array = <PyObject*>array, True
        return True

    cdef bint _take_tensor(self, Column* column, object value) except -1:
        if <PyObject*>Py_TYPE(value) != column.cls:
            return False
        # The imaginary part of a conjugate is negated when it is read; its dtype always is a float.
        if column.kind == b"f" and value.is_neg():
            array = self._as_array(value)
            self._held.append(array)
            return self._take_array(column, array)
        column.value, column.is_array = <PyObject*>value, False
        return True

    cdef bint _find_all(self, bint may_copy) except -1:
        """Find the memory of all arrays and tensors, when all code that may move it has run.

        Args:
            may_copy: make bytes of numbers that are not in a row; Python does that, so that all others are found again.
        """
        cdef Column* column
        cdef bint is_copied = False
        cdef int index, outcome
        for index in range(self._n_columns):
            column = &self._columns[index]
            if not column.is_there or column.value == NULL:
                continue
            outcome = _find(column)
            if outcome == _OTHER or (outcome == _NOT_IN_A_ROW and not may_copy):
                return False
            if outcome == _NOT_IN_A_ROW:
                value = <object>column.value
                self._hold(column, (value if column.is_array else self._as_array(value)).tobytes())
                column.value = NULL
                is_copied = True
        return not is_copied or self._find_all(False)

    cdef object _put(self):
        """Copy what was found into the ring; None when there is no room."""
        cdef Column* column
        cdef char* record
        cdef int64_t start, end
        cdef int index
        writer = self._writer
        cdef bint has_run = False
        if not PyObject_CallObject(self._try_lock, _AT_ONCE):
            if not self._acquire():
                return None
            has_run = True
        try:
            if <int64_t>writer.generation != self._generation:
                return False
            start = writer.head
            end = start + self._n_bytes
            if end > <int64_t>(writer.large_limit if self._is_large else writer.limit):
                if not writer.room(self._n_bytes, is_large=self._is_large):
                    return False if self._is_large else None
                has_run = True
                start = writer.head
                end = start + self._n_bytes
            if has_run and not self._find_all(False):
                return False
            record = <char*>self._memory.buf + self._ring_at + start - <int64_t>writer.base
            (<uint64_t*>record)[0] = self._word
            for index in range(self._n_columns):
                column = &self._columns[index]
                if column.is_there:
                    memcpy(record + column.at, column.data, column.n_bytes)
                else:
                    memset(record + column.at, 0, column.n_bytes)
                if column.has_at >= 0:
                    record[column.has_at] = column.is_there
            if writer.unpublished is None:
                writer.head = end
                publish_word(<char*>self._memory.buf + self._head_at, <uint64_t>end)
            else:
                writer.publish(end)
            return True
        finally:
            self._release()


cdef class NativeEvents:
    """Writes events where nothing stands in their way.

    Args:
        writer: a ``RingWriter``; its memory is held as long as this.
        late: events that go first.
        gaps: what was dropped, which goes first, too.
        head_at: where the header has the head.
    """

    cdef object _writer, _late, _gaps, _try_lock, _release
    cdef Py_buffer _memory
    cdef int64_t _ring_at, _head_at
    cdef public bint is_over
    """Whether nothing is written any more."""

    def __cinit__(self, writer, *, late, gaps, head_at):
        self._writer, self._late, self._gaps = writer, late, gaps
        self._try_lock, self._release = writer.lock.acquire, writer.lock.release
        self._ring_at, self._head_at = writer.ring.ring_at, head_at
        PyObject_GetBuffer(writer.ring.memory, &self._memory, PyBUF_WRITABLE)

    def __dealloc__(self):
        if self._memory.buf != NULL:
            PyBuffer_Release(&self._memory)

    def write(self, int64_t kind, int64_t episode_id, bytes data not None):
        """Write an event; False when the writer's own way has to: without room, in another call, beside a device."""
        return self._write(kind, episode_id, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))

    cdef bint _write(self, int64_t kind, int64_t episode_id, const char* data, int64_t n_data_bytes) except -1:
        cdef int64_t n_bytes = (24 + n_data_bytes + 7) & ~7
        cdef int64_t start, end
        cdef char* record
        if self.is_over or len(self._late) or len(self._gaps):
            return False
        writer = self._writer
        if not PyObject_CallObject(self._try_lock, _AT_ONCE):
            return False
        try:
            start = writer.head
            end = start + n_bytes
            if end > <int64_t>writer.limit or writer.unpublished is not None:
                return False
            record = <char*>self._memory.buf + self._ring_at + start - <int64_t>writer.base
            (<uint64_t*>record)[0] = <uint64_t>n_bytes | <uint64_t>kind << 32
            (<int64_t*>record)[1] = episode_id
            (<int64_t*>record)[2] = n_data_bytes
            memcpy(record + 24, data, n_data_bytes)
            writer.head = end
            publish_word(<char*>self._memory.buf + self._head_at, <uint64_t>end)
            return True
        finally:
            self._release()


cdef enum:
    # Places among the arguments of ``NativeWriter.write``, for wrappers.
    _EPISODE, _STEP, _LANE, _POSITION, _METERS, _ACTION, _REWARD, _INTRINSIC, _DONE, _TERMINATED, _TRUNCATED, _Q_VALUES
    _TIME, _PROGRESS, _EPSILON, _MASKS, _EXTRAS, _N_ARGUMENTS


cdef bint _writes(object writer, PyObject** arguments):
    """Write a record of what is there, the others missing; False where the values come another way, or without room."""
    cdef int index
    for index in range(_N_ARGUMENTS):
        if arguments[index] == NULL:
            arguments[index] = <PyObject*>None
    try:
        return (<NativeWriter>writer)._write(arguments) is True
    except Exception:  # as in ``record_step``: the quick way does not fit; the slow one says why
        return False


cdef inline bint _takes_fields(object writer):
    """Whether it writes the fields of ``record_step``."""
    return type(writer) is NativeWriter and (<NativeWriter>writer)._n_arguments == _N_ARGUMENTS


cdef class NativeSteps:
    """Steps of one environment that come as the step before: in a call of Gymnasium's ``step``, with nothing added.

    Args:
        path: a ``StepPath``; what writes its steps now stands there as ``native``.
        lane: of the environment.
        mask_name: where an ``info`` has a mask of actions: such steps are left to ``record_step``.
        begin: takes the id of an episode whose first step is written.
        note: takes the seconds of one call now and then.
        clock: gives seconds.
        timed_every: steps with these numbers are timed.
        timed_first: of first steps those of episodes with these ids.
    """

    cdef object _path, _lane, _mask_name, _begin, _note, _clock
    cdef dict _extras
    cdef int64_t _timed_every, _timed_first

    def __init__(self, path, *, lane, mask_name, begin, note, clock, timed_every, timed_first):
        self._path, self._lane, self._mask_name = path, lane, mask_name
        self._begin, self._note, self._clock = begin, note, clock
        self._timed_every, self._timed_first = timed_every, timed_first
        self._extras = {}

    def write(self, episode_id, step, action, result):
        """Write a step.

        Args:
            result: what the environment gave.

        Returns:
            Whether the episode is over; None when nothing was written, which ``record_step`` has to do.
        """
        cdef PyObject* arguments[_N_ARGUMENTS]
        cdef object observation, reward, terminated, truncated, info, is_over
        cdef object started = None
        cdef int64_t episode, number
        try:
            episode, number = episode_id, step
        except (OverflowError, TypeError):  # the usual way says so
            return None
        if type(result) is not tuple or len(<tuple>result) != 5:
            return None
        observation, reward, terminated, truncated, info = <tuple>result
        if type(info) is not dict or (info and self._mask_name in <dict>info):
            return None
        writer = self._path.native
        if not _takes_fields(writer):
            return None
        terminated, truncated = _plain_flag(terminated), _plain_flag(truncated)
        if terminated is None or truncated is None:
            return None
        is_over = terminated if terminated is True else truncated
        if number % self._timed_every == 0 and (number or episode % self._timed_first == 0):
            started = self._clock()
        self._extras["observation"] = observation
        memset(arguments, 0, sizeof(arguments))
        arguments[_EPISODE], arguments[_STEP], arguments[_LANE] = <PyObject*>episode_id, <PyObject*>step, <PyObject*>self._lane
        arguments[_POSITION] = arguments[_METERS] = <PyObject*>()
        arguments[_ACTION], arguments[_REWARD], arguments[_INTRINSIC] = <PyObject*>action, <PyObject*>reward, <PyObject*>_NO_REWARD
        arguments[_DONE], arguments[_TERMINATED] = <PyObject*>is_over, <PyObject*>terminated
        arguments[_TRUNCATED], arguments[_EXTRAS] = <PyObject*>truncated, <PyObject*>self._extras
        if not _writes(writer, arguments):
            return None
        if started is not None:
            self._note(self._clock() - started)
        if number == 0:
            self._begin(episode_id)
        return is_over


cdef class NativeBlocks:
    """Steps of all lanes of a vector environment, with nothing added.

    Args:
        path: a ``BlockPath``; what writes its blocks now stands there as ``native``.
        episode_ids, steps: ``int64[n_lanes]`` each, C-contiguous: where the next steps belong; the second is counted here.
        lanes: ``int64[n_lanes]``; None for 0, 1, 2, …
        nothing: an array without numbers, for fields that the environment does not have.
        note: takes the seconds of one call in ``timed_every``.
        clock: gives seconds.
    """

    cdef object _path, _episode_ids, _lanes, _nothing, _note, _clock
    cdef cnp.ndarray _steps
    cdef int64_t _n_calls, _timed_every

    def __init__(self, path, *, episode_ids, steps, lanes, nothing, note, clock, timed_every):
        self._path, self._episode_ids, self._steps, self._lanes, self._nothing = path, episode_ids, steps, lanes, nothing
        self._note, self._clock, self._timed_every = note, clock, timed_every
        if steps.dtype != np.int64 or steps.ndim != 1 or not steps.flags.c_contiguous:
            raise ValueError("steps: expected int64[n_lanes]")

    def write(self, actions, rewards, dones, terminated, truncated, q_values, epsilon, action_masks, extras):
        """Write a step of each lane, and count it; False when nothing was written, which ``record_batch`` has to do."""
        cdef PyObject* arguments[_N_ARGUMENTS]
        cdef int64_t* counts
        cdef object started = None
        cdef int index
        writer = self._path.native
        if not _takes_fields(writer):
            return False
        if self._n_calls % self._timed_every == 0:
            started = self._clock()
        memset(arguments, 0, sizeof(arguments))
        arguments[_EPISODE], arguments[_STEP] = <PyObject*>self._episode_ids, <PyObject*>self._steps
        arguments[_LANE] = <PyObject*>self._lanes
        arguments[_POSITION] = arguments[_METERS] = <PyObject*>self._nothing
        arguments[_ACTION], arguments[_REWARD], arguments[_DONE] = <PyObject*>actions, <PyObject*>rewards, <PyObject*>dones
        arguments[_TERMINATED], arguments[_TRUNCATED] = <PyObject*>terminated, <PyObject*>truncated
        arguments[_Q_VALUES], arguments[_EPSILON] = <PyObject*>q_values, <PyObject*>epsilon
        arguments[_MASKS], arguments[_EXTRAS] = <PyObject*>action_masks, <PyObject*>extras
        if not _writes(writer, arguments):
            return False
        counts = <int64_t*>cnp.PyArray_DATA(self._steps)
        for index in range(cnp.PyArray_DIM(self._steps, 0)):
            counts[index] += 1
        self._n_calls += 1
        if started is not None:
            self._note(self._clock() - started)
        return True


cdef object _NO_REWARD = 0.0


cdef object _plain_flag(object value):
    """One of Python's flags; None for what is no flag."""
    if value is True or value is False:
        return value
    return bool(value) if type(value) is np.bool_ else None


cdef class NativeTemplate:
    """Bytes in which floats are replaced.

    Args:
        data: of the template.
        holes: where in there a float of eight bytes stands, the highest first.
    """

    cdef bytes _data
    cdef int64_t* _holes
    cdef int _n_holes

    def __cinit__(self, bytes data not None, holes):
        cdef int index
        self._data, self._n_holes = data, len(holes)
        self._holes = <int64_t*>PyMem_Calloc(self._n_holes + 1, sizeof(int64_t))
        if self._holes == NULL:
            raise MemoryError
        for index in range(self._n_holes):
            self._holes[index] = holes[index]
            if not 0 <= self._holes[index] <= len(data) - 8:
                raise ValueError(f"hole {index} is not within the data")

    def __dealloc__(self):
        PyMem_Free(self._holes)


cdef class NativeEnds:
    """Ends of episodes that differ in floats alone: in the row of floats that each began with, and in its return.

    Args:
        events: writes them.
        kind: of their events.
        look: called now and then, after an end.
        looked_every: how often.
        n_places, n_numbers: shape of the rows; ``n_numbers`` alone when there is one place.
        has_axis: whether rows have a leading axis of places.
        item_bytes: of a float, 4 or 8.
    """

    cdef NativeEvents _events
    cdef object _look, _end_id
    cdef int64_t _kind, _n_ends, _looked_every, _n_places, _n_numbers, _item_bytes
    cdef bint _has_axis
    cdef char* _rows
    cdef char* _has
    cdef char* _packed
    cdef int64_t _n_packed_bytes

    def __cinit__(self, NativeEvents events not None, *, kind, end_id, look, looked_every, n_places, n_numbers, has_axis, item_bytes):
        self._events, self._kind, self._end_id, self._look, self._looked_every = events, kind, end_id, look, looked_every
        self._n_places, self._n_numbers, self._has_axis, self._item_bytes = n_places, n_numbers, has_axis, item_bytes
        if n_places < 1 or n_numbers < 0 or item_bytes not in (4, 8):
            raise ValueError("expected rows of floats")
        self._rows = <char*>PyMem_Calloc(self._n_places * self._n_numbers + 1, self._item_bytes)
        self._has = <char*>PyMem_Calloc(self._n_places, 1)
        if self._rows == NULL or self._has == NULL:
            raise MemoryError

    def __dealloc__(self):
        PyMem_Free(self._rows)
        PyMem_Free(self._has)
        PyMem_Free(self._packed)

    def begin(self, rows, places):
        """Take the rows of some places; False when they are not as expected."""
        cdef cnp.ndarray array
        cdef int64_t n_bytes = self._n_numbers * self._item_bytes
        cdef int64_t place
        cdef int n_axes = 2 if self._has_axis else 1
        if type(rows) is not cnp.ndarray:
            return False
        array = <cnp.ndarray>rows
        if (
            cnp.PyArray_NDIM(array) != n_axes
            or cnp.PyArray_DIM(array, n_axes - 1) != self._n_numbers
            or (self._has_axis and cnp.PyArray_DIM(array, 0) != self._n_places)
            or array.descr.kind != b"f"
            or cnp.PyArray_ITEMSIZE(array) != self._item_bytes
            or not cnp.PyArray_ISNOTSWAPPED(array)
            or not cnp.PyArray_IS_C_CONTIGUOUS(array)
        ):
            return False
        for each in places:
            place = each
            if not 0 <= place < self._n_places:
                return False
            memcpy(self._rows + place * n_bytes, cnp.PyArray_BYTES(array) + place * n_bytes, n_bytes)
            self._has[place] = True
        return True

    cdef double _number(self, int64_t place, int64_t index):
        cdef char* at = self._rows + (place * self._n_numbers + index) * self._item_bytes
        return (<float*>at)[0] if self._item_bytes == 4 else (<double*>at)[0]

    def forget(self, int64_t place):
        """A place began otherwise."""
        if 0 <= place < self._n_places:
            self._has[place] = False

    def numbers(self, int64_t place):
        """What a place began with; None if nothing is known here."""
        cdef int64_t index
        if not 0 <= place < self._n_places or not self._has[place]:
            return None
        return tuple([self._number(place, index) for index in range(self._n_numbers)])

    def end(self, int64_t place, episode_id, NativeTemplate template not None, total):
        """Write the end of the episode of a place; False when nothing was written.

        Args:
            template: of its metadata, with a hole for the return and one for each number, in this order.
            total: the return; None for a template without one.
        """
        cdef int64_t n_bytes = PyBytes_GET_SIZE(template._data)
        cdef int64_t index
        cdef int64_t n_before = 0 if total is None else 1
        cdef int64_t number
        try:
            number = episode_id
        except OverflowError:  # the usual way says so
            return False
        if not 0 <= place < self._n_places or not self._has[place]:
            return False
        if template._n_holes != n_before + self._n_numbers or (total is not None and type(total) is not float):
            return False
        if n_bytes > self._n_packed_bytes:
            PyMem_Free(self._packed)
            self._n_packed_bytes = 0
            self._packed = <char*>PyMem_Calloc(n_bytes, 1)
            if self._packed == NULL:
                raise MemoryError
            self._n_packed_bytes = n_bytes
        memcpy(self._packed, PyBytes_AS_STRING(template._data), n_bytes)
        if n_before:
            put_big_endian(self._packed + template._holes[0], <double>total)
        for index in range(self._n_numbers):
            put_big_endian(self._packed + template._holes[n_before + index], self._number(place, index))
        if not self._events._write(self._kind, number, self._packed, n_bytes):
            return False
        self._end_id(episode_id)
        self._n_ends += 1
        if self._n_ends % self._looked_every == 0:
            self._look()
        return True


cdef object _compared_cls = None
cdef dl_exchange* _compared_exchange = NULL


def is_same_memory(tensor, array):
    """Whether a tensor and an array have one dtype, one shape and the same bytes; None when this can't tell."""
    global _compared_cls, _compared_exchange
    cdef dl_tensor found
    cdef cnp.ndarray other
    cdef int64_t stride = 1
    cdef int axis
    if type(array) is not cnp.ndarray:
        return None
    if type(tensor) is not _compared_cls:
        _compared_exchange, _compared_cls = _exchange_of(type(tensor)), type(tensor)
    if _compared_exchange == NULL or tensor.is_neg():
        return None
    other = <cnp.ndarray>array
    try:
        _compared_exchange.look(<void*>tensor, &found)
    except Exception:  # it has no memory
        return None
    if found.device.type != 1 or found.dtype.lanes != 1 or not cnp.PyArray_IS_C_CONTIGUOUS(other):
        return None
    if found.n_axes != cnp.PyArray_NDIM(other) or found.dtype.bits != 8 * cnp.PyArray_ITEMSIZE(other):
        return False
    if other.descr.kind not in b"biuf" or not cnp.PyArray_ISNOTSWAPPED(other) or found.dtype.code != _code_of(other.descr.kind):
        return False
    for axis in range(found.n_axes - 1, -1, -1):
        if found.shape[axis] != cnp.PyArray_DIM(other, axis):
            return False
        if found.strides != NULL and found.shape[axis] != 1 and found.strides[axis] != stride:
            return None
        stride *= found.shape[axis]
    if cnp.PyArray_NBYTES(other) == 0:
        return True
    if found.data == NULL:
        return None
    return memcmp(<const char*>found.data + found.byte_offset, cnp.PyArray_BYTES(other), cnp.PyArray_NBYTES(other)) == 0


cdef inline uint8_t _code_of(char kind) noexcept:
    """DLPack's code for a kind of numpy's."""
    return 6 if kind == b"b" else 0 if kind == b"i" else 1 if kind == b"u" else 2
