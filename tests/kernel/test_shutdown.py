"""How a kernel ends: without a word of its own troubles."""

from __future__ import annotations

from pathlib import Path

from jupyter_client.manager import KernelManager

from .conversation import TIMEOUT, Conversation

# The control thread's last flush finds the listeners' thread alive, and is held up before it wakes it.
SLOW_LAST_WORDS = """
def slow():
    import sys, threading, time

    thread = sys.stderr.pub_thread.thread

    class Slow:
        def is_alive(self):
            alive = thread.is_alive()
            if sys._getframe(1).f_code.co_name == "schedule" and threading.current_thread().name == "Control":
                time.sleep(0.3)
            return alive

        def __getattr__(self, name):
            return getattr(thread, name)

    sys.stderr.pub_thread.thread = Slow()

slow()
"""


def test_a_kernel_that_is_shut_down_prints_no_error(tmp_path: Path):
    manager = KernelManager(kernel_name="reactive")
    said = tmp_path / "said"
    with said.open("w") as stream:
        manager.start_kernel(stdout=stream, stderr=stream)
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=TIMEOUT)
        kernel = Conversation(manager, client)
        assert kernel.execute(SLOW_LAST_WORDS, "a").content["status"] == "ok"
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
        manager.cleanup_resources()
    assert "Traceback" not in said.read_text()
