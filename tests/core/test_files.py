# Ways to reach files are what this is about.
# ruff: noqa: PLW0108, PTH113, PTH115, PTH118, PTH100, PTH102, PTH103, PTH104, PTH105, PTH106, PTH107, PTH110, PTH112, PTH114, PTH116, PTH119, PTH120, PTH123, PTH202, PTH204, PTH207, PTH208, PTH211, SIM115
"""What a run does to files and directories, on real ones."""

import contextlib
import copy
import csv
import glob
import importlib
import inspect
import json
import os
import pathlib
import pickle
import random
import shelve
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import traceback
import zipfile
from pathlib import Path
from timeit import timeit

import pytest

from reactive_kernel.files import ANY_FILE, Files, Touched

FILES = Files()


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A directory to work in, with a file and a directory that were there before."""
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("1,2\n3,4\n")
    Path("d").mkdir()
    Path("d/e.txt").write_text("5")
    return tmp_path


def touched(act, written=(), *, opaque=False, files=FILES) -> Touched:
    """What a run did, its paths as seen from here."""
    files.start(opaque=opaque)
    try:
        act()
    except (OSError, ImportError, KeyboardInterrupt):
        pass  # What a failed run touched counts, too.
    finally:
        found = files.stop({absolute(name) for name in written})
    assert (ANY_FILE in found.writes) == bool(found.writes)
    return Touched(seen(found.reads), seen(found.writes) - {"*"}, found.unproven, found.relative)


def absolute(name):
    kind, _, path = name.rpartition(":")
    return f"{kind or 'file'}:{os.path.realpath(path)}"


def seen(resources):
    def short(name):
        kind, _, path = name.partition(":")
        path = path if path == "*" else os.path.relpath(path, HERE[0])
        return path if kind == "file" else f"{kind}:{path}"

    return {short(name) for name in resources}


HERE = [""]


@pytest.fixture(autouse=True)
def start(here):
    HERE[0] = os.path.realpath(here)


def reads(act, written=(), **how):
    return touched(act, written, **how).reads


def writes(act, written=(), **how):
    return touched(act, written, **how).writes


def text(path, content="x", mode="w"):
    with open(path, mode) as file:
        file.write(content)


def shell(command, **how):
    subprocess.run(command, shell=True, check=True, **how)


# Reading

READERS = {
    "open": lambda: open("a.txt").close(),
    "open of bytes": lambda: open(b"a.txt").close(),
    "open of a path": lambda: open(Path("a.txt")).close(),
    "open of a whole path": lambda: open(os.path.abspath("a.txt")).close(),
    "open by way of a directory": lambda: open("d/../a.txt").close(),
    "os.open": lambda: os.close(os.open("a.txt", os.O_RDONLY)),
    "pathlib": lambda: Path("a.txt").read_text(),
    "csv": lambda: list(csv.reader(open_for("a.txt"))),
    "exists": lambda: os.path.exists("a.txt"),
    "Path.exists": lambda: Path("a.txt").exists(),
    "is_file": lambda: Path("a.txt").is_file(),
    "isdir": lambda: os.path.isdir("a.txt"),
    "getsize": lambda: os.path.getsize("a.txt"),
    "getmtime": lambda: os.path.getmtime("a.txt"),
    "lexists": lambda: os.path.lexists("a.txt"),
    "access": lambda: os.access("a.txt", os.R_OK),
    "stat by keyword": lambda: os.stat(path="a.txt"),
    "link": lambda: os.path.islink("a.txt"),
}


def open_for(path):
    with open(path) as file:
        return file.read().splitlines()


@pytest.mark.parametrize("act", READERS.values(), ids=READERS)
def test_a_file_looked_at_is_a_read(act):
    assert touched(act) == Touched(
        {"a.txt"}, set(), None, relative=act is not READERS["open of a whole path"]
    )


def test_a_file_that_is_not_there_is_a_read():
    assert reads(lambda: open("later.txt")) == {"later.txt"}


def test_a_module_that_is_not_there_is_a_read(here):
    asking = compile("import later_module", "<cell>", "exec")
    sys.path.insert(0, str(here))
    try:
        assert {"later_module", "later_module.py"} <= reads(lambda: exec(asking, {"__name__": "__main__"}))
    finally:
        sys.path.remove(str(here))


@pytest.mark.parametrize("cached", [False, True])
def test_a_module_imported_from_the_users_directory_is_a_read_of_its_source(here, monkeypatch, cached):
    monkeypatch.syspath_prepend(str(here))
    Path("own_module.py").write_text("x = 1")
    for _ in range(1 + cached):
        sys.modules.pop("own_module", None)
        importlib.invalidate_caches()
        found = reads(lambda: importlib.import_module("own_module"))
    assert found == {"own_module.py"}


def test_a_module_of_a_library_is_no_read():
    sys.modules.pop("this", None)
    assert touched(lambda: importlib.import_module("colorsys")) == Touched(set(), set())


@pytest.mark.parametrize("tool", ["_pydevd_bundle.pydevd_frame", "coverage.inorout"])
def test_what_a_debugger_looks_up_is_no_read(tool):
    looking = "import os\nos.path.exists('a.txt')\nos.listdir('d')"
    assert reads(lambda: exec(looking, {"__name__": tool})) == set()
    assert reads(lambda: exec(looking, {"__name__": "tool"})) == {"a.txt", "dir:d"}


@pytest.mark.parametrize("folder", ["__pycache__", ".ipynb_checkpoints", "joblib_memmapping_folder_1"])
def test_what_tools_keep_for_themselves_is_no_write(folder):
    assert touched(lambda: (os.mkdir(folder), text(f"{folder}/b.txt"))) == Touched(set(), set())


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/status", "/dev/null", os.__file__])
def test_what_belongs_to_the_machine_is_no_read(path):
    assert touched(lambda: open(path).close()) == Touched(set(), set())


def test_the_path_of_a_path_is_no_read():
    assert reads(lambda: os.path.realpath("d/e.txt")) == set()


def test_names_in_any_language_are_found():
    assert touched(lambda: text("数据 é.txt")).writes == {"数据 é.txt", "dir:."}


def test_a_link_reads_itself_and_what_it_stands_for():
    os.symlink("a.txt", "latest")
    assert reads(lambda: open("latest").close()) == {"latest", "a.txt"}


def test_links_of_directories_are_followed():
    os.symlink("d", "link")
    assert reads(lambda: open("link/e.txt").close()) == {"d/e.txt"}


def test_a_directory_in_place_of_a_link_is_itself():
    os.symlink("d", "link")

    def replace():
        open("link/e.txt").close()
        os.remove("link")
        os.mkdir("link")
        text("link/f.txt")

    assert "link/f.txt" in writes(replace)


def test_a_file_descriptor_is_no_path():
    with open("a.txt") as file:
        assert touched(lambda: os.stat(file.fileno())) == Touched(set(), set())


# Listing

LISTERS = {
    "listdir": lambda: os.listdir("d"),
    "listdir of bytes": lambda: os.listdir(b"d"),
    "glob": lambda: glob.glob("d/*"),
    "iterdir": lambda: list(Path("d").iterdir()),
}


@pytest.mark.parametrize("act", LISTERS.values(), ids=LISTERS)
def test_a_listing_is_a_read_of_the_directory(act):
    assert "dir:d" in reads(act)
    assert "d/e.txt" not in reads(act)


def test_the_working_directory_is_listed():
    assert reads(os.listdir) == {"dir:."}


def test_a_walk_lists_what_lies_below():
    assert {"dir:.", "dir:d"} <= reads(lambda: list(os.walk(".")))
    assert {"dir:.", "dir:d"} <= reads(lambda: list(Path().rglob("*.csv")))
    assert {"dir:.", "dir:d"} <= reads(lambda: glob.glob("**", recursive=True))


def test_a_scan_by_hand_may_ask_the_entries_for_more_than_names():
    assert reads(lambda: [entry.stat().st_size for entry in os.scandir("d")]) == {"dir:d", "d/e.txt"}


def test_what_lists_a_directory_to_look_for_modules_is_no_read(here, monkeypatch):
    monkeypatch.syspath_prepend(str(here))
    importlib.invalidate_caches()
    assert "dir:." not in reads(lambda: importlib.import_module("no_such_module"))


# Writing

WRITERS = {
    "open": lambda: text("b.txt"),
    "open for both": lambda: text("b.txt", mode="w+"),
    "os.open": lambda: os.close(os.open("b.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)),
    "pathlib": lambda: Path("b.txt").write_text("x"),
    "bytes": lambda: Path(os.path.abspath("b.txt")).write_bytes(b"x"),
    "json": lambda: json.dump({}, open_to("b.txt")),
    "zipfile": lambda: zipfile.ZipFile("b.txt", "w").close(),
}
KEPT = []


def open_to(path, mode="w"):
    """A handle that nobody closes before the run is over."""
    KEPT.append(open(path, mode))
    return KEPT[-1]


@pytest.fixture(autouse=True)
def close():
    yield
    while KEPT:
        KEPT.pop().close()


@pytest.mark.parametrize("act", WRITERS.values(), ids=WRITERS)
def test_a_new_file_is_a_write_and_changes_its_directory(act):
    found = touched(act, files=Files())
    assert found.writes == {"b.txt", "dir:."}
    assert found.reads <= {"b.txt"}


def test_a_file_written_from_its_beginning_is_no_read():
    assert touched(lambda: text("a.txt")) == Touched(set(), {"a.txt"}, None, True)


def test_a_file_that_the_run_wrote_itself_is_no_read():
    assert reads(lambda: (text("b.txt"), Path("b.txt").read_text(), os.path.exists("b.txt"))) == set()


def test_a_file_read_before_it_is_written_is_a_read():
    assert reads(lambda: Path("a.txt").write_text(Path("a.txt").read_text() + "x")) == {"a.txt"}


def test_what_is_not_flushed_yet_is_a_write():
    assert writes(lambda: open_to("b.txt").write("x")) == {"b.txt", "dir:."}


@pytest.mark.parametrize("mode", ["a", "r+", "a+"])
def test_a_change_in_place_is_a_read_and_a_write(mode):
    assert touched(lambda: text("a.txt", mode=mode)) == Touched({"a.txt"}, {"a.txt"}, None, True)


def test_a_first_append_depends_on_there_being_no_file():
    assert touched(lambda: text("b.txt", mode="a")) == Touched({"b.txt"}, {"b.txt", "dir:."}, None, True)


def test_a_file_that_must_be_new_depends_on_there_being_none():
    assert touched(lambda: text("b.txt", mode="x")) == Touched({"b.txt"}, {"b.txt", "dir:."}, None, True)


@pytest.mark.parametrize(
    "act", [lambda: os.truncate("a.txt", 1), lambda: os.utime("a.txt"), Path("a.txt").touch]
)
def test_a_change_without_opening_is_a_read_and_a_write(act):
    assert touched(act) == Touched({"a.txt"}, {"a.txt"}, None, True)


def test_what_could_not_be_written_is_no_write():
    assert touched(lambda: text("missing/b.txt")) == Touched({"missing"}, set(), None, True)


def test_writing_through_a_link_writes_what_it_stands_for():
    os.symlink("a.txt", "latest")
    assert touched(lambda: text("latest")) == Touched({"latest"}, {"a.txt"}, None, True)


def test_a_rerun_that_finds_its_own_file_counts_as_its_maker():
    files = Files()
    first = writes(lambda: text("b.txt"), files=files)
    assert writes(lambda: text("b.txt"), files=files) == first == {"b.txt", "dir:."}


def test_a_file_in_a_directory_that_another_cell_makes_comes_after_it():
    assert "d" in reads(lambda: text("d/b.txt"), written={"d"})
    assert "d" not in reads(lambda: text("d/b.txt"))


def test_shelve_and_pickle():
    def put():
        with shelve.open("shelf") as shelf:
            shelf["x"] = 1

    def get():
        with shelve.open("shelf", "r") as shelf:
            assert shelf["x"] == 1

    # What a shelf is kept in, and what its files are called, is up to the installation.
    made = {name for name in writes(put) if name.startswith("shelf")}
    assert made == set(glob.glob("shelf*"))
    assert made - {"shelf.bak"} <= reads(get)
    assert writes(lambda: pickle.dump(1, open_to("b.pickle", "wb"))) == {"b.pickle", "dir:."}


# Removing, renaming, making directories


def test_a_removed_file_is_a_read_and_a_write():
    assert touched(lambda: os.remove("a.txt")) == Touched({"a.txt"}, {"a.txt", "dir:."}, None, True)
    assert touched(Path("d/e.txt").unlink) == Touched({"d/e.txt"}, {"d/e.txt", "dir:d"}, None, True)


@pytest.mark.parametrize(
    "remove",
    [lambda: Path("b.txt").unlink(missing_ok=True), lambda: shutil.rmtree("b.txt", ignore_errors=True)],
)
def test_removing_nothing_is_a_write_because_what_comes_to_be_there_is_to_be_gone(remove):
    assert touched(remove) == Touched({"b.txt"}, {"b.txt", "dir:."}, None, True)


def test_removing_nothing_after_asking_for_it_is_only_a_read():
    def ask():
        if Path("b.txt").exists():
            Path("b.txt").unlink()

    assert touched(ask) == Touched({"b.txt"}, set(), None, True)


@pytest.mark.parametrize("rename", [os.rename, os.replace, shutil.move])
def test_a_renamed_file_is_gone_and_there(rename):
    found = touched(lambda: rename("a.txt", "b.txt"))
    assert found.writes == {"a.txt", "b.txt", "dir:."}
    assert "a.txt" in found.reads


def test_a_file_written_aside_and_put_in_place_is_one_write():
    def write():
        text("a.tmp")
        os.replace("a.tmp", "a.txt")

    assert touched(write) == Touched(set(), {"a.txt"}, None, True)


def test_a_renamed_directory_takes_what_is_in_it_along():
    found = touched(lambda: os.rename("d", "f"))
    assert found.writes == {"d", "dir:d", "d/e.txt", "f", "dir:f", "f/e.txt", "dir:."}
    assert found.reads == {"d", "d/e.txt"}


def test_a_copy_reads_one_and_writes_the_other():
    for copying in (shutil.copy, shutil.copy2, shutil.copyfile):
        found = touched(lambda: copying("a.txt", "b.txt"), files=Files())  # noqa: B023  # called at once
        assert "a.txt" in found.reads
        assert found.writes == {"b.txt", "dir:."}
        os.remove("b.txt")


def test_a_copied_tree():
    found = touched(lambda: shutil.copytree("d", "f"))
    assert {"dir:d", "d/e.txt"} <= found.reads
    assert found.writes == {"f", "dir:f", "f/e.txt", "dir:."}


def test_a_removed_tree():
    found = touched(lambda: shutil.rmtree("d"))
    assert {"dir:d", "d", "d/e.txt"} <= found.reads
    assert found.writes == {"d", "dir:d", "d/e.txt", "dir:."}


def test_a_tree_removed_where_there_is_none():
    assert touched(lambda: shutil.rmtree("f", ignore_errors=True)).reads == {"f"}


def test_a_new_directory_changes_the_one_that_it_is_in():
    assert writes(lambda: os.mkdir("f")) == {"f", "dir:f", "dir:."}
    assert writes(lambda: Path("g/h").mkdir(parents=True)) == {"g", "dir:g", "g/h", "dir:g/h", "dir:."}


def test_a_directory_that_was_there_is_only_looked_at():
    assert touched(lambda: os.makedirs("d", exist_ok=True)) == Touched({"d"}, set(), None, True)


def test_a_listing_of_a_directory_of_its_own_is_no_read():
    assert touched(lambda: (os.mkdir("f"), os.listdir("f"))).reads == set()


def test_a_listing_of_a_directory_that_an_earlier_run_made_is_a_read():
    files = Files()
    writes(lambda: os.mkdir("f"), files=files)
    assert "dir:f" in reads(lambda: (os.makedirs("f", exist_ok=True), os.listdir("f")), files=files)


def test_a_removed_directory():
    assert writes(lambda: (os.remove("d/e.txt"), os.rmdir("d"))) == {"d", "dir:d", "d/e.txt", "dir:."}


def test_links_are_entries():
    assert writes(lambda: os.symlink("a.txt", "b.txt")) == {"b.txt", "dir:."}
    assert touched(lambda: os.link("a.txt", "c.txt")) == Touched(
        {"a.txt", "c.txt"}, {"c.txt", "dir:."}, None, True
    )


def test_a_write_to_a_file_of_several_names_is_unproven():
    os.link("a.txt", "c.txt")
    assert "hard links" in (touched(lambda: text("a.txt")).unproven or "")
    assert "hard links" in (touched(lambda: (text("c.txt"), os.remove("c.txt"))).unproven or "")
    os.link("a.txt", "c.txt")
    assert touched(lambda: os.remove("c.txt")).unproven is None


def test_an_archive_is_read_and_unpacked():
    shutil.make_archive("packed", "zip", "d")
    found = touched(lambda: shutil.unpack_archive("packed.zip", "f"))
    assert "packed.zip" in found.reads
    assert found.writes == {"f", "dir:f", "f/e.txt", "dir:."}


# What comes and goes


def test_what_is_made_and_removed_in_one_run_is_gone_whoever_had_made_it():
    assert touched(lambda: (text("b.txt"), os.remove("b.txt"))) == Touched(
        set(), {"b.txt", "dir:."}, None, True
    )
    assert touched(lambda: (open("b.txt", "x").close(), os.remove("b.txt"))) == Touched(
        set(), set(), None, True
    )


TEMPORARY = {
    "directory": lambda: tempfile.TemporaryDirectory().cleanup(),
    "named": lambda: tempfile.NamedTemporaryFile().close(),
    "unnamed": lambda: tempfile.TemporaryFile().close(),
}


@pytest.mark.parametrize("act", TEMPORARY.values(), ids=TEMPORARY)
def test_temporary_files_are_nobodys(act):
    assert touched(act) == Touched(set(), set())


def test_a_temporary_file_that_stays_is_a_write():
    made = []
    with_stay = touched(lambda: made.append(tempfile.mkstemp(dir=os.path.abspath("d"))))
    os.close(made[0][0])
    assert with_stay.writes == {"d/" + os.path.basename(made[0][1]), "dir:d"}


# Working directory


def test_paths_are_meant_from_where_the_run_is(here):
    assert reads(lambda: (os.chdir("d"), open("e.txt").close())) == {"d/e.txt"}


def test_whole_paths_do_not_depend_on_where_the_run_is(here):
    assert not touched(lambda: open(here / "a.txt").close()).relative


@pytest.mark.skipif(sys.platform == "win32", reason="has no descriptors of directories")
def test_paths_can_start_from_an_open_directory():
    descriptor = os.open("d", os.O_RDONLY)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        found = touched(lambda: os.close(os.open("f.txt", flags, dir_fd=descriptor)))
        assert found == Touched(set(), {"d/f.txt", "dir:d"}, None, relative=False)
        assert reads(lambda: os.stat("f.txt", dir_fd=descriptor)) == {"d/f.txt"}
        assert reads(lambda: os.listdir(descriptor)) == {"dir:d"}
    finally:
        os.close(descriptor)


# Threads


def in_thread(act):
    thread = threading.Thread(target=act)
    thread.start()
    thread.join()


def test_threads_of_the_run_count():
    assert reads(lambda: in_thread(lambda: open("a.txt").close())) == {"a.txt"}


def test_threads_that_were_there_before_the_first_run_do_not_count():
    code = """if True:
        import threading
        from reactive_kernel.files import Files
        asked, done = threading.Event(), threading.Event()
        def work():
            asked.wait(); open("a.txt").close(); done.set()
        threading.Thread(target=work).start()
        files = Files()
        files.start(opaque=False); asked.set(); done.wait()
        print(len(files.stop(()).reads))
    """
    assert subprocess.check_output([sys.executable, "-c", code], text=True, env=environment()) == "0\n"


def environment():
    return {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(os.path.dirname(__file__)))}


# Between runs


def test_nothing_is_seen_between_runs():
    FILES.start(opaque=False)
    FILES.stop(())
    open("a.txt").close()
    assert touched(lambda: None) == Touched(set(), set())


def test_a_stop_without_a_start_says_nothing():
    assert Files().stop(()) == Touched()


def test_an_interrupted_run_can_be_summed_up():
    def interrupted():
        text("b.txt")
        raise KeyboardInterrupt

    assert writes(interrupted) == {"b.txt", "dir:."}


# Other programs


def test_a_program_may_read_whatever_others_write_below_here():
    found = touched(lambda: shell("true"), {"a.txt", "d/e.txt", "dir:d", "/elsewhere/f.txt"})
    assert found == Touched({"a.txt", "d/e.txt", "dir:d", "*"}, set(), None, relative=True)


def test_what_a_program_makes_changes_and_removes_is_a_write():
    command = "echo x > b.txt; echo y >> a.txt; rm d/e.txt; mkdir f"
    assert writes(lambda: shell(command)) == {"b.txt", "a.txt", "d/e.txt", "dir:d", "f", "dir:f", "dir:."}


def test_a_change_within_a_tick_of_the_clock_that_keeps_the_size_is_seen():
    def change():
        Path("a.txt").write_text("1,2\n3,5\n")
        os.utime("a.txt", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))

    stamp = os.stat("a.txt")
    assert "a.txt" in writes(lambda: (shell("true"), change()))


STARTERS = {
    "system": lambda: os.system("echo x > b.txt"),
    "Popen": lambda: subprocess.check_call([sys.executable, "-c", "open('b.txt', 'w')"]),
    "popen": lambda: os.popen("echo x > b.txt").close(),
}


@pytest.mark.parametrize("act", STARTERS.values(), ids=STARTERS)
def test_programs_are_noticed(act):
    found = touched(act)
    assert found.writes == {"b.txt", "dir:."}
    assert "*" in found.reads


def test_new_interpreters_are_noticed():
    code = """if True:
        import multiprocessing, os
        from reactive_kernel.files import Files
        if __name__ == "__main__":
            files = Files()
            files.start(opaque=False)
            child = multiprocessing.get_context("spawn").Process(target=open, args=("b.txt", "w"))
            child.start(); child.join()
            print(*sorted(files.stop(()).writes, key=len)[1:])
    """
    Path("main.py").write_text(code.replace("if True:", "import sys\nif True:"))
    out = subprocess.check_output([sys.executable, "main.py"], text=True, env=environment())
    assert os.path.abspath("b.txt") in out


def test_a_source_that_starts_programs_is_opaque_from_its_start():
    files = Files()
    files.start(opaque=True)
    found = files.stop(())
    assert found.reads == {ANY_FILE}
    assert not found.writes


def test_a_program_does_not_read_from_others_what_the_run_wrote_before():
    assert "b.txt" not in reads(lambda: (text("b.txt"), shell("cat b.txt")), {"b.txt"})


def test_a_program_may_read_what_the_run_writes_after_it():
    assert "b.txt" in reads(lambda: (shell("true"), text("b.txt")), {"b.txt"})


def test_a_program_may_work_elsewhere(tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    found = writes(lambda: shell("echo x > f.txt", cwd=elsewhere))
    assert f"{os.path.relpath(elsewhere)}/f.txt" in found


def test_a_program_may_be_told_of_paths_elsewhere(tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "f.txt"
    written = os.path.relpath(elsewhere)
    assert written in writes(lambda: subprocess.check_call(["cp", "a.txt", str(elsewhere)]))
    assert written in reads(lambda: shell(f"cat {elsewhere}"))


def test_asking_the_machine_is_not_opaque():
    assert touched(lambda: subprocess.check_output(["uname", "-p"])).reads == set()


def test_a_tree_too_large_to_compare_is_unproven(monkeypatch):
    monkeypatch.setattr("reactive_kernel.files.stamps.ENTRIES", 1)
    found = touched(lambda: shell("true"))
    assert found.unproven is not None
    assert "too many files" in found.unproven
    assert found.writes == set()


def test_notebooks_that_are_saved_meanwhile_are_no_writes():
    assert writes(lambda: shell("echo {} > saved.ipynb; mkdir .git; echo x > .git/index")) == set()


# Many paths


def test_many_reads_become_those_that_others_write_in_the_same_directories():
    def look():
        for number in range(2500):
            os.path.exists(f"d/{number}")

    found = reads(look, {"d/2499", "d/f", "a.txt"})
    assert {"d/0", "d/2499", "d/f", "*"} <= found
    assert "d/2498" not in found
    assert "a.txt" not in found


def test_too_many_writes_are_unproven(monkeypatch):
    monkeypatch.setattr("reactive_kernel.files.account._WRITES", 3)
    found = touched(lambda: [text(f"d/{number}") for number in range(4)])
    assert found.writes == {"dir:d"}
    assert found.unproven is not None


# The functions that are wrapped


def test_wrapped_functions_stay_what_they_were():
    touched(lambda: None)
    assert os.stat in os.supports_follow_symlinks
    assert {os.open, os.stat} <= os.supports_dir_fd
    assert pickle.loads(pickle.dumps(os.stat)) is os.stat
    assert copy.copy(os.lstat)("a.txt").st_size == 8
    assert type("C", (), {"stat": os.stat})().stat("a.txt").st_size == 8
    with pytest.raises(FileNotFoundError):
        os.stat("b.txt")
    with pytest.raises(TypeError):
        os.stat()


# Databases


def database(path, *statements):
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_a_new_database_is_a_write():
    assert writes(lambda: database("b.db", "create table t (x)")) == {"b.db", "dir:."}


def test_a_database_that_is_only_read_is_no_write():
    database("b.db", "create table t (x)")
    assert touched(lambda: database("b.db", "select * from t")) == Touched({"b.db"}, set(), None, True)


def test_a_database_that_changes_is_a_read_and_a_write():
    database("b.db", "create table t (x)")
    found = touched(lambda: database("b.db", "insert into t values (1)"))
    assert found == Touched({"b.db"}, {"b.db"}, None, True)


def test_a_connection_of_an_earlier_run_is_seen_to_write():
    files, connections = Files(), []
    touched(lambda: connections.append(sqlite3.connect("b.db")), files=files)
    found = touched(lambda: connections[0].execute("create table t (x)").connection.commit(), files=files)
    connections[0].close()
    assert "b.db" in found.writes


def test_a_connection_of_an_earlier_run_is_seen_to_read():
    files, kept = Files(), []
    touched(lambda: kept.append(sqlite3.connect("b.db")), files=files)
    touched(lambda: kept.append(sqlite3.connect(":memory:")), files=files)
    kept.append(kept[0].cursor())
    assert [seen(files.behind([value]).reads) for value in kept] == [{"b.db"}, set(), {"b.db"}]
    kept.pop()
    while kept:
        kept.pop().close()


def test_a_database_in_memory_is_no_file():
    assert touched(lambda: database(":memory:", "create table t (x)")) == Touched(set(), set())


# Libraries


def numpy_memmap(numpy, mode):
    numpy.memmap("a.txt", mode=mode, dtype="u1", shape=2)


NUMPY = {
    "save": (lambda np: np.save("b.npy", [1]), set(), {"b.npy", "dir:."}),
    "savetxt": (lambda np: np.savetxt("b.txt", [1]), set(), {"b.txt", "dir:."}),
    "tofile": (lambda np: np.arange(3).tofile("b.bin"), set(), {"b.bin", "dir:."}),
    "loadtxt": (lambda np: np.loadtxt("a.txt", delimiter=","), {"a.txt"}, set()),
    "fromfile": (lambda np: np.fromfile("a.txt", "u1"), {"a.txt"}, set()),
    "memmap to read": (lambda np: numpy_memmap(np, "r"), {"a.txt"}, set()),
    "memmap to change": (lambda np: numpy_memmap(np, "r+"), {"a.txt"}, {"a.txt"}),
    "memmap to write": (lambda np: numpy_memmap(np, "w+"), set(), {"a.txt"}),
}


@pytest.mark.parametrize("case", NUMPY)
def test_numpy(case):
    act, taken, left = NUMPY[case]
    numpy = pytest.importorskip("numpy")
    found = touched(lambda: act(numpy), files=Files())
    assert (found.reads - {"."}, found.writes) == (taken, left)


PANDAS = {
    "read_csv": (lambda pd: pd.read_csv("a.txt"), {"a.txt"}, set()),
    "to_csv": (lambda pd: pd.DataFrame({"x": [1]}).to_csv("b.csv"), set(), {"b.csv", "dir:."}),
    "to_csv appends": (lambda pd: pd.DataFrame().to_csv("a.txt", mode="a"), {"a.txt"}, {"a.txt"}),
    "to_pickle": (lambda pd: pd.Series([1]).to_pickle("b.pkl"), set(), {"b.pkl", "dir:."}),
    "read_json": (lambda pd: pd.read_json("later.json"), {"later.json"}, set()),
}


@pytest.mark.parametrize("case", PANDAS)
def test_pandas(case):
    act, taken, left = PANDAS[case]
    pandas = pytest.importorskip("pandas")
    found = touched(lambda: act(pandas), files=Files())
    assert (found.reads - {"."}, found.writes) == (taken, left)


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_pandas_by_way_of_arrow(kind):
    pytest.importorskip("pyarrow")
    pandas = pytest.importorskip("pandas")
    write, read = getattr(pandas.DataFrame({"x": [1]}), f"to_{kind}"), getattr(pandas, f"read_{kind}")
    assert writes(lambda: write("b.bin")) == {"b.bin", "dir:."}
    assert "b.bin" in reads(lambda: read("b.bin"))
    assert "later.bin" in reads(lambda: read("later.bin"))
    assert writes(lambda: read("b.bin")) == set()


def test_arrow():
    arrow = pytest.importorskip("pyarrow")
    parquet, dataset = importlib.import_module("pyarrow.parquet"), importlib.import_module("pyarrow.dataset")
    table = arrow.table({"x": [1, 2]})
    assert writes(lambda: parquet.write_table(table, "b.parquet")) == {"b.parquet", "dir:."}
    assert "b.parquet" in reads(lambda: parquet.ParquetFile("b.parquet").close())
    assert writes(lambda: dataset.write_dataset(table, "f", format="parquet")) >= {
        "dir:f",
        "f/part-0.parquet",
    }
    assert reads(lambda: parquet.read_table("f")) >= {"dir:f", "f/part-0.parquet"}


def test_polars():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"x": [1]})
    assert writes(lambda: frame.write_parquet("b.parquet")) == {"b.parquet", "dir:."}
    assert writes(lambda: frame.lazy().sink_csv("d/c.csv")) == {"d/c.csv", "dir:d"}
    assert reads(lambda: polars.read_parquet("b.parquet")) >= {"b.parquet"}
    assert reads(lambda: polars.scan_csv("d/*.csv").collect()) >= {"dir:d", "d/c.csv"}
    assert reads(lambda: polars.read_csv(b"x\n1\n")) == set()


def test_duckdb():
    duckdb = pytest.importorskip("duckdb")
    assert writes(lambda: duckdb.sql("copy (select 1 as x) to 'b.parquet'")) == {"b.parquet", "dir:."}
    assert "b.parquet" in reads(lambda: duckdb.sql("select * from 'b.parquet'").fetchall())
    assert "a.txt" in reads(lambda: duckdb.read_csv("a.txt").fetchall())
    text("d/c.csv", "x\n1\n")
    assert {"dir:d", "d/c.csv"} <= reads(lambda: duckdb.sql("select * from 'd/*.csv'").fetchall())

    def create():
        with duckdb.connect("b.db") as connection:
            connection.execute("create table t as select 1 as x")

    assert writes(create) == {"b.db", "dir:."}


def test_duckdb_still_finds_the_frames_of_its_caller():
    duckdb, polars = pytest.importorskip("duckdb"), pytest.importorskip("polars")
    importlib.import_module("pyarrow")
    frame = polars.DataFrame({"x": [7]})
    touched(lambda: None)
    assert duckdb.sql("select x from frame").fetchall() == [(7,)]
    assert duckdb.connect().execute("select x from frame").fetchall() == [(7,)]
    assert reads(lambda: duckdb.sql("select 'a.txt'")) == {"a.txt"}
    assert frame.height == 1


@pytest.mark.parametrize(
    "name",
    ["pandas.read_parquet", "polars.read_parquet", "pyarrow.parquet.read_table", "pyarrow.csv.read_csv"],
)
def test_wrapped_functions_of_libraries_can_be_sent_to_other_interpreters(name):
    module, _, attribute = name.rpartition(".")
    touched(lambda: None)
    pytest.importorskip("pyarrow")
    function = getattr(pytest.importorskip(module), attribute)
    assert pickle.loads(pickle.dumps(function)) is function


def test_hdf5():
    h5py = pytest.importorskip("h5py")
    assert writes(lambda: h5py.File("b.h5", "w").close()) == {"b.h5", "dir:."}
    assert touched(lambda: h5py.File("b.h5").close()) == Touched({"b.h5"}, set(), None, True)
    assert "b.h5" in writes(lambda: h5py.File("b.h5", "a").close())
    with h5py.File("b.h5") as file:
        assert behind(file) == ({"b.h5"}, set())
    assert behind(file) == (set(), set())


def test_what_a_silent_library_writes_is_seen_where_the_document_knows_the_file(monkeypatch):
    monkeypatch.setitem(sys.modules, "netCDF4", sys)
    files = Files()
    touched(lambda: None, {"a.txt"}, files=files)
    code = "open('a.txt', 'w').write('other')"
    quiet = subprocess.Popen([sys.executable, "-c", f"input(); {code}"], stdin=subprocess.PIPE)
    found = touched(lambda: quiet.communicate(b"\n"), {"a.txt"}, files=files)
    assert found.writes == {"a.txt"}


# Whatever is done, in any order


def pictured():
    """What each path is: a link and where it leads, a directory and its entries, a file and what is in it."""
    found = {}
    for folder, folders, names in os.walk("."):
        found[folder] = ("folder", sorted(folders + names))
        for path in (os.path.join(folder, name) for name in folders + names):
            if os.path.islink(path):
                found[path] = ("link", os.readlink(path))
            elif os.path.isfile(path):
                found[path] = ("file", Path(path).read_bytes())
    return {os.path.normpath(path): what for path, what in found.items()}


DEEDS = (
    lambda one, two: text(one, two),
    lambda one, two: text(one, "more", "a"),
    lambda one, two: text(one, "new", "x"),
    lambda one, two: text(one, "", "r+"),
    lambda one, two: os.remove(one),
    lambda one, two: os.replace(one, two),
    lambda one, two: shutil.move(one, two),
    lambda one, two: shutil.copy(one, two),
    lambda one, two: shutil.copytree(one, two),
    lambda one, two: shutil.rmtree(one),
    lambda one, two: os.makedirs(one),
    lambda one, two: os.removedirs(one),
    lambda one, two: os.symlink(os.path.abspath(one), two),
    lambda one, two: os.link(one, two),
    lambda one, two: os.truncate(one, 0),
    lambda one, two: Path(one).touch(),
    lambda one, two: (os.chdir(one), text("here.txt"), os.chdir(HERE[0])),
)
PLACES = [
    f"{folder}{name}" for folder in ("", "d/", "d/g/", "link/") for name in ("a.txt", "e.txt", "g", "link")
]


@pytest.mark.parametrize("seed", range(40))
def test_whatever_changes_is_a_write(seed):
    chance = random.Random(seed)

    def run():
        for _ in range(chance.randrange(1, 8)):
            deed, one, two = chance.choice(DEEDS), chance.choice(PLACES), chance.choice(PLACES)
            with contextlib.suppress(OSError, shutil.Error, RecursionError):
                deed(one, two)
            os.chdir(HERE[0])

    for _ in range(4):
        before = pictured()
        found = touched(run)
        if found.unproven is not None:
            assert "hard links" in found.unproven
            return
        after = pictured()
        changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
        kinds = {path: (before.get(path) or after[path])[0] for path in changed}
        listed = {f"dir:{path}" for path, kind in kinds.items() if kind == "folder"}
        assert {path for path, kind in kinds.items() if kind != "folder"} | listed <= found.writes


# Open files


def behind(value):
    found = FILES.behind([value, 1, "a.txt", None])
    return seen(found.reads), seen(found.writes) - {"*"}


def test_an_open_file_of_an_earlier_run_may_be_read_or_written():
    assert behind(open_to("a.txt", "r")) == ({"a.txt"}, set())
    assert behind(open_to("a.txt", "rb")) == ({"a.txt"}, set())
    assert behind(open_to("a.txt", "a")) == ({"a.txt"}, {"a.txt"})
    KEPT[-1].close()
    assert behind(KEPT[-1]) == (set(), set())


def test_a_mapped_file_of_an_earlier_run_may_be_read_or_written():
    numpy = pytest.importorskip("numpy")
    assert behind(numpy.memmap("a.txt", mode="r")) == ({"a.txt"}, set())
    assert behind(numpy.memmap("a.txt", mode="r+")) == ({"a.txt"}, {"a.txt"})
    assert behind(numpy.zeros(3)) == (set(), set())


def test_what_a_traceback_shows_is_no_read(here, monkeypatch):
    monkeypatch.syspath_prepend(str(here))
    Path("failing_module.py").write_text("def fail():\n    return 1 / 0\n")
    module = importlib.import_module("failing_module")

    def fail():
        try:
            module.fail()
        except ZeroDivisionError:
            assert "return 1 / 0" in traceback.format_exc()
            assert inspect.getsourcefile(module.fail) == module.__file__

    assert reads(fail) == set()


# Costs


def test_a_run_that_touches_nothing_costs_next_to_nothing():
    files = Files()

    def run():
        files.start(opaque=False)
        files.stop(())

    assert min(timeit(run, number=200) for _ in range(5)) / 200 < 20e-6


def test_pathlib_of_every_version_is_heard():
    assert reads(lambda: (pathlib.Path("d").is_dir(), pathlib.Path("later").exists())) == {"d", "later"}
