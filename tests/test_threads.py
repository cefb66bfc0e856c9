"""Work on threads; matrix libraries on one thread: blocks that nest, overlap in threads, end in an error."""

from __future__ import annotations

import signal
import threading

import numpy as np
import pytest

from fractalman import _threads, kernels
from fractalman._threads import LARGE_MATRIX, one_matrix_thread, run_tasks, threads_for_matrix
from fractalman.executors import SerialExecutor
from fractalman.learners import OwnKernel, Problem


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("tasks", [0, 1, 2, 100])
def test_every_task_is_done_once(monkeypatch, threads, tasks):
    monkeypatch.setenv("FRACTALMAN_THREADS", str(threads))
    done = np.zeros((tasks, 3), np.int64)

    def inner(k: int, j: int) -> None:
        done[k, j] += 1

    run_tasks(lambda k: run_tasks(inner, [(k, j) for j in range(3)]), [(k,) for k in range(tasks)])
    assert (done == 1).all()


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_after_an_error_no_further_task_begins(monkeypatch, threads):
    """The tasks at work end, and the error comes out."""
    monkeypatch.setenv("FRACTALMAN_THREADS", str(threads))
    begun, failed = [], threading.Event()

    def work(k: int) -> None:
        begun.append(k)
        if k == 10:
            failed.set()
            raise ValueError("the tenth")
        if k > 10:
            failed.wait(30.0)

    with pytest.raises(ValueError, match="the tenth"):
        run_tasks(work, [(k,) for k in range(100_000)])
    assert len(begun) < 100_000
    assert len(set(begun)) == len(begun)


@pytest.fixture
def number():
    """What says how many threads matrix libraries may start; 2 when the test begins, as before when it ends."""
    libraries = _threads._matrix_threads._libraries()
    if not libraries.lib_controllers:
        pytest.skip("no OpenBLAS with threads of its own here")
    clear = getattr(_threads._matrix_threads._controller(), "clear_controlling_thread", lambda: None)
    before = libraries.limit(limits=2)
    clear()
    yield lambda: {library["num_threads"] for library in libraries.info()}
    before.restore_original_limits()
    clear()


def test_one_thread_inside_all_of_them_outside(number):
    assert number() == {2}
    with one_matrix_thread():
        assert number() == {1}
        with one_matrix_thread():
            assert number() == {1}
        assert number() == {1}
    assert number() == {2}


def test_an_error_gives_the_threads_back(number):
    with pytest.raises(ValueError, match="inside"), one_matrix_thread():
        raise ValueError("inside")
    assert number() == {2}


def test_ctrl_c_while_the_number_is_set(number, monkeypatch):
    """The interrupt comes when the number is set, before the block begins: it does not stay at one."""
    change = _threads._MatrixThreads.change

    def interrupted(self, by: int) -> None:
        change(self, by)
        if by > 0:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(_threads._MatrixThreads, "change", interrupted)
    with pytest.raises(KeyboardInterrupt), one_matrix_thread():
        pytest.fail("the block began")
    assert number() == {2}


def test_blocks_that_overlap_in_threads(number):
    """The block that began first ends first: the other one, in another thread, keeps its one thread to its end."""
    inside, first_over, seen = threading.Event(), threading.Event(), []

    def other() -> None:
        with one_matrix_thread():
            inside.set()
            first_over.wait(30.0)
            seen.append(number())
        seen.append(number())

    thread = threading.Thread(target=other)
    with one_matrix_thread():
        thread.start()
        assert inside.wait(30.0)
    assert number() == {1}
    first_over.set()
    thread.join()
    assert seen == [{1}, {2}]


def test_a_second_thread_alone(number):
    """After this thread has set a number and taken it back; threadpoolctl itself lets only the first thread set any."""
    with one_matrix_thread():
        pass
    seen = []

    def other() -> None:
        with one_matrix_thread():
            seen.append(number())

    for _ in range(2):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert seen == [{1}, {1}]
    assert number() == {2}


@pytest.mark.parametrize(("rows", "threads"), [(LARGE_MATRIX - 1, {1}), (LARGE_MATRIX, {2})])
def test_a_very_large_matrix_has_all_threads(number, rows, threads):
    with one_matrix_thread():
        with threads_for_matrix(rows):
            assert number() == threads
        assert number() == {1}
    with threads_for_matrix(rows):
        assert number() == {2}
    assert number() == {2}


def test_a_task_of_this_process_a_table_and_a_fit(number):
    """What runs here has the threads of a worker: one for matrices."""
    assert SerialExecutor().submit(number).result() == {1}
    seen = []
    X = np.random.default_rng(0).standard_normal((64, 3))

    def of(r):
        seen.append(number())
        return np.exp(-r)

    kernels.distances(X, X, of)

    def own(A, B):
        seen.append(number())
        return kernels.distances(A, B, np.negative) + 10.0

    points = X.astype(np.float32)
    OwnKernel(function=own).run([Problem(points[:32], X[:32, :1], points[32:], 1)])
    assert len(seen) >= 3
    assert all(found == {1} for found in seen)
    assert number() == {2}
