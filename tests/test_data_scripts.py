"""The scripts that fetch and lay out corpora, against a server on this machine that misbehaves."""

import bz2
import hashlib
import json
import socket
import tarfile
from pathlib import Path

import pytest
from faulty_server import CONTENT, MD5, QUICK, Server, packed, tarred

from lipkit.corpora import list_clips
from lipkit.corpora.fetch import archives
from lipkit.corpora.fetch.download import fetch, fetch_json
from lipkit.corpora.fetch.zenodo import SPEAKERS, parse_speakers
from lipkit.errors import LipkitError, UsageError


def get(server: Server, folder: Path, **known) -> Path:
    known = {"size": len(CONTENT), "checksum": MD5, "patience": QUICK, **known}
    return fetch(f"{server.url}/f", folder / "f", progress=False, **known)


def half(path: Path) -> Path:
    """A piece that an earlier, interrupted download left of ``path``."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(CONTENT[: len(CONTENT) // 2])
    return part


# The downloader


@pytest.mark.parametrize("known", [{}, {"size": None}, {"checksum": None, "size": None}])
def test_a_file_arrives_whole(server, tmp_path, known):
    path = get(server, tmp_path / "new folder", **known)
    assert path.read_bytes() == CONTENT
    assert [p.name for p in path.parent.iterdir()] == ["f"]


def test_a_file_that_is_there_is_not_fetched_again(server, tmp_path):
    get(server, tmp_path)
    get(server, tmp_path)
    assert len(server.requests) == 1


def test_a_file_that_is_there_but_wrong_is_fetched_again(server, tmp_path):
    (tmp_path / "f").write_bytes(CONTENT[::-1])
    assert get(server, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_line_cut_midway_is_resumed_where_it_broke(server, tmp_path, size):
    server.faults["/f"] = ["cut", "cut"]
    assert get(server, tmp_path, size=size).read_bytes() == CONTENT
    assert server.ranges("/f") == [None, "bytes=5120-", "bytes=7680-"]


def test_a_stopped_download_is_resumed_by_the_next(server, tmp_path):
    half(tmp_path / "f")
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.ranges("/f") == ["bytes=5120-"]


def test_a_piece_that_is_all_of_it_needs_no_more(server, tmp_path):
    (tmp_path / "f.part").write_bytes(CONTENT)
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.requests == []
    (tmp_path / "f").unlink()
    (tmp_path / "f.part").write_bytes(CONTENT)
    assert get(server, tmp_path, size=None).read_bytes() == CONTENT
    assert server.ranges("/f") == ["bytes=10240-"]


def test_a_piece_longer_than_the_file_is_thrown_away(server, tmp_path):
    (tmp_path / "f.part").write_bytes(CONTENT * 2)
    assert get(server, tmp_path).read_bytes() == CONTENT
    (tmp_path / "f").unlink()
    (tmp_path / "f.part").write_bytes(CONTENT * 2)
    assert get(server, tmp_path, size=None).read_bytes() == CONTENT


def test_a_stalled_line_is_given_up_and_resumed(server, tmp_path):
    server.faults["/f"] = ["stall"]
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert not server.outwaited, "it was the server that gave up"
    assert server.ranges("/f") == [None, "bytes=5120-"]


def test_a_server_that_ignores_ranges_starts_over(server, tmp_path):
    half(tmp_path / "f")
    server.faults["/f"] = ["no ranges"]
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_a_server_that_sends_another_range_is_not_believed(server, tmp_path):
    half(tmp_path / "f")
    server.faults["/f"] = ["wrong range"]
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.ranges("/f") == ["bytes=5120-"] * 2


def test_a_server_that_does_not_say_how_long(server, tmp_path):
    server.faults["/f"] = ["no length"]
    assert get(server, tmp_path, size=None).read_bytes() == CONTENT


def test_a_cut_that_only_the_known_size_shows_is_resumed(server, tmp_path):
    server.faults["/f"] = ["cut unsaid"]
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.ranges("/f") == [None, "bytes=5120-"]


def test_pieces_of_two_versions_are_seen_and_fetched_anew(server, tmp_path):
    (tmp_path / "f.part").write_bytes(b"old version" * 100)
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.ranges("/f") == ["bytes=1100-", None]


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(server, tmp_path):
    server.files["/f"] = CONTENT[::-1]
    with pytest.raises(LipkitError, match=r"has the md5 checksum .* instead of") as caught:
        get(server, tmp_path)
    assert f"{server.url}/f" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_size_is_refused(server, tmp_path):
    with pytest.raises(LipkitError, match="has 10,240 bytes instead of 20,000"):
        get(server, tmp_path, size=20_000)


@pytest.mark.parametrize("status", ["404", "403", "410"])
def test_a_refusal_is_final(server, tmp_path, status):
    server.faults["/f"] = [status]
    with pytest.raises(LipkitError, match=f"the server answers {status}"):
        get(server, tmp_path)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", ["503", "429", "500"])
def test_a_busy_server_is_asked_again(server, tmp_path, status):
    server.faults["/f"] = [status, status]
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert len(server.requests) == 3


def test_endless_trouble_ends_in_one_line_and_keeps_what_came(server, tmp_path):
    half(tmp_path / "f")
    server.faults["/f"] = ["503"] * 99
    with pytest.raises(LipkitError, match=r"gave up after 4 attempts: the server answers 503"):
        get(server, tmp_path)
    assert (tmp_path / "f.part").stat().st_size == 5120


def test_progress_renews_patience(server, tmp_path):
    server.faults["/f"] = ["cut"] * 8
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert len(server.requests) == 9


def test_an_unreachable_server_is_one_line(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/f"
    with pytest.raises(LipkitError, match="gave up after 4 attempts: the server cannot be reached"):
        fetch(url, tmp_path / "f", patience=QUICK, progress=False)


@pytest.mark.parametrize("url", ["f", "htp://x/f", "http://"])
def test_an_address_that_is_none(tmp_path, url):
    with pytest.raises(UsageError, match="is not a web address"):
        fetch(url, tmp_path / "f", patience=QUICK, progress=False)


def test_an_unwritable_target_is_one_line(server, tmp_path):
    (tmp_path / "folder").touch()
    with pytest.raises(LipkitError, match="cannot be written"):
        get(server, tmp_path / "folder")


def test_a_full_disk_keeps_what_came(server, tmp_path, monkeypatch):
    import lipkit.corpora.fetch.download as download

    class Full:
        def __init__(self, *_, **__):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(download, "progress_bar", Full)
    half(tmp_path / "f")
    with pytest.raises(LipkitError, match=r"No space left on device.*is kept"):
        get(server, tmp_path)
    assert (tmp_path / "f.part").stat().st_size == 5120


def test_json_is_retried_and_checked(server):
    server.files["/j"] = b'{"a": 1}'
    server.faults["/j"] = ["503"]
    assert fetch_json(f"{server.url}/j", QUICK) == {"a": 1}
    with pytest.raises(LipkitError, match="the answer is not JSON"):
        fetch_json(f"{server.url}/f", QUICK)


# Archives


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/etc/evil", "C:\\evil", "..\\evil", "a/..\\..\\evil"]
)
def test_archives_that_lead_outside_are_refused(tmp_path, name):
    (tmp_path / "a.zip").write_bytes(packed(**{"s1/good.mpg": b"x", name: b"x"}))
    with pytest.raises(LipkitError, match="leads out of"):
        archives.unzip(tmp_path / "a.zip", tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists(), "something was written before the refusal"
    (tmp_path / "a.tar").write_bytes(tarred(**{name: b"x"}))
    with pytest.raises(LipkitError, match="leads out of"):
        archives.untar([tmp_path / "a.tar"], tmp_path / "out", progress=False)
    assert not list(tmp_path.rglob("*evil*"))


def test_a_tar_with_a_link_is_refused(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        link = tarfile.TarInfo("s1")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(link)
    with pytest.raises(LipkitError, match="is a link, a device"):
        archives.untar([tmp_path / "a.tar"], tmp_path / "out", progress=False)


def test_a_gzip_header_that_promises_more_than_it_has_is_one_line(tmp_path):
    """tarfile reads the promised field through a stream that is not whole yet."""
    header = b"\x1f\x8b\x08\x04" + bytes(6) + b"\xff\x00" + b"\xff" * 300
    (tmp_path / "a.tar.gz").write_bytes(header)
    with pytest.raises(LipkitError, match="a damaged or incomplete tar") as told:
        archives.untar([tmp_path / "a.tar.gz"], tmp_path / "out", progress=False)
    assert "\n" not in str(told.value)


def test_unpacking_goes_on_where_it_stopped(tmp_path):
    (tmp_path / "a.zip").write_bytes(packed(**{"s1/a.mpg": b"aaa", "s1/b.mpg": b"bbb"}))
    (tmp_path / "s1").mkdir()
    (tmp_path / "s1/a.mpg").write_bytes(b"AAA")
    (tmp_path / "s1/b.mpg").write_bytes(b"b")
    assert archives.unzip(tmp_path / "a.zip", tmp_path, progress=False) == 2
    assert (tmp_path / "s1/a.mpg").read_bytes() == b"AAA", "a whole file was written again"
    assert (tmp_path / "s1/b.mpg").read_bytes() == b"bbb"


def test_a_damaged_archive_is_one_line(tmp_path):
    whole = packed(**{"s1/a.mpg": b"a" * 5000})
    (tmp_path / "a.zip").write_bytes(whole[:3000])
    with pytest.raises(LipkitError, match=r"a\.zip: is a damaged zip"):
        archives.unzip(tmp_path / "a.zip", tmp_path / "out", progress=False)
    flipped = bytearray(whole)
    flipped[2000] ^= 1
    (tmp_path / "b.zip").write_bytes(flipped)
    with pytest.raises(LipkitError, match=r"b\.zip: is a damaged zip"):
        archives.unzip(tmp_path / "b.zip", tmp_path / "out", progress=False)
    assert not list((tmp_path / "out").rglob("*.mpg"))
    (tmp_path / "c.tar").write_bytes(tarred(a=b"a" * 5000)[:2000])
    with pytest.raises(LipkitError, match=r"c\.tar: is a damaged or incomplete tar"):
        archives.untar([tmp_path / "c.tar"], tmp_path / "out", progress=False)


def test_too_little_space_is_said_before_anything_is_written(tmp_path):
    with pytest.raises(LipkitError, match=r"needs 1000000000\.0 GB, .* are free"):
        archives.require_space(tmp_path / "not yet there", 10**18)


# The scripts


@pytest.mark.parametrize(
    "name",
    ["get_grid", "get_landmark_model", "layout_lrw", "layout_ldc", "make_synthetic"],
)
def test_every_script_explains_itself_with_an_example(run_script, capsys, name):
    with pytest.raises(SystemExit) as stopped:
        run_script(name, "--help")
    assert stopped.value.code == 0
    assert f"python data_scripts/{name}.py" in capsys.readouterr().out


ALIGN = b"0 10000 sil\n10000 15000 bin\n15000 20000 blue\n20000 21000 at\n21000 25000 %c\n"
ALIGN += b"25000 30000 two\n30000 40000 now\n40000 74500 sil\n"


@pytest.fixture
def zenodo(server):
    """The record, small: s1 to s3, the alignments of s2 and s3 under each other's names."""
    zips = {
        "s1.zip": packed(**{"s1/bbaf2n.mpg": b"v" * 3000, "__MACOSX/s1/._bbaf2n.mpg": b"m"}),
        "s2.zip": packed(**{"s2/bbag2n.mpg": b"v" * 3000}),
        "s3.zip": packed(**{"s3/bbah2n.mpg": b"v" * 3000}),
        "alignments.zip": packed(
            **{
                "alignments/s1/bbaf2n.align": ALIGN % ord("f"),
                "alignments/s2/bbah2n.align": ALIGN % ord("h"),
                "alignments/s3/bbag2n.align": ALIGN % ord("g"),
            }
        ),
    }
    listing = []
    for name, content in zips.items():
        server.files[f"/records/3625687/files/{name}"] = content
        checksum = "md5:" + hashlib.md5(content).hexdigest()
        listing.append({"key": name, "size": len(content), "checksum": checksum})
    server.files["/api/records/3625687"] = json.dumps({"files": listing}).encode()
    return server


def grid_options(server: Server) -> list[str]:
    quick = ["--stall", "0.25", "--backoff", "0.01", "--retries", "3", "--quiet"]
    return ["--base-url", server.url, *quick]


def test_get_grid_fetches_unpacks_and_says_what_was_rematched(zenodo, run_script, tmp_path):
    out = tmp_path / "grid"
    code, printed, _ = run_script("get_grid", out, "--speakers", "1-3", *grid_options(zenodo))
    assert code == 0
    assert "3 clips of 3 speakers" in printed
    assert "3 clips have word times" in printed
    assert "s2: alignments/s3 fits 1 of 1 clips, which stands under another" in printed
    records = list_clips("grid", out)
    assert [record.clip_id for record in records] == ["s1/bbaf2n", "s2/bbag2n", "s3/bbah2n"]
    assert records[1].words[3].text == "g"
    assert not list(out.glob("*.zip"))
    assert not list(out.rglob("*MACOSX*"))


def test_get_grid_again_fetches_nothing(zenodo, run_script, tmp_path):
    run_script("get_grid", tmp_path, "--speakers", "1", *grid_options(zenodo))
    zenodo.requests.clear()
    assert run_script("get_grid", tmp_path, "--speakers", "1", *grid_options(zenodo))[0] == 0
    assert [path for path, _ in zenodo.requests] == ["/api/records/3625687"]


def test_get_grid_survives_a_cut_a_stall_and_a_busy_server(zenodo, run_script, tmp_path):
    zenodo.faults["/api/records/3625687"] = ["503"]
    zenodo.faults["/records/3625687/files/s1.zip"] = ["cut", "stall", "503"]
    assert run_script("get_grid", tmp_path, "--speakers", "1", *grid_options(zenodo))[0] == 0
    assert (tmp_path / "s1" / "bbaf2n.mpg").stat().st_size == 3000


def test_get_grid_with_a_wrong_checksum_stops_in_one_line(zenodo, run_script, tmp_path):
    path = "/records/3625687/files/s1.zip"
    zenodo.files[path] = zenodo.files[path][:-1] + b"?"
    code, _, error = run_script("get_grid", tmp_path, "--speakers", "1", *grid_options(zenodo))
    assert code == 1
    (line,) = error.splitlines()
    assert "s1.zip" in line
    assert "md5 checksum" in line
    assert not (tmp_path / "s1").exists()


def test_get_grid_dry_run_lists_sizes_and_fetches_nothing(zenodo, run_script, tmp_path):
    run_script("get_grid", tmp_path, "--speakers", "1", "--no-alignments", *grid_options(zenodo))
    zenodo.requests.clear()
    options = ["--speakers", "1-2", "--dry-run", *grid_options(zenodo)]
    code, printed, _ = run_script("get_grid", tmp_path, *options)
    assert code == 0
    rows = [line.split() for line in printed.splitlines()]
    assert [(row[0], row[-1]) for row in rows] == [
        ("s1.zip", "there"),
        ("s2.zip", "get"),
        ("alignments.zip", "get"),
        ("to", "MB"),
    ]
    assert [path for path, _ in zenodo.requests] == ["/api/records/3625687"]


def test_get_grid_keeps_zips_when_asked(zenodo, run_script, tmp_path):
    options = ["--speakers", "1", "--keep-zips", "--no-alignments", *grid_options(zenodo)]
    assert run_script("get_grid", tmp_path, *options)[0] == 0
    assert [path.name for path in tmp_path.glob("*.zip")] == ["s1.zip"]


def test_get_grid_says_what_the_record_lacks(zenodo, run_script, tmp_path):
    code, _, error = run_script("get_grid", tmp_path, "--speakers", "1,4-5", *grid_options(zenodo))
    assert code == 1
    assert "lists no s4.zip, s5.zip" in error
    zenodo.files["/api/records/3625687"] = b'{"status": 410}'
    code, _, error = run_script("get_grid", tmp_path, *grid_options(zenodo))
    assert code == 1
    assert "its list of files is not understood" in error


def test_speakers_are_parsed_strictly(run_script, tmp_path):
    assert parse_speakers("1-3,7") == [1, 2, 3, 7]
    assert parse_speakers(" s20-22 , 2") == [2, 20, 22]
    assert parse_speakers("all") == list(SPEAKERS)
    assert len(SPEAKERS) == 33
    for wrong in ("", "0", "35", "3-1", "x", "1;2", "1-"):
        with pytest.raises(UsageError, match="--speakers"):
            parse_speakers(wrong)
    with pytest.raises(UsageError, match="speaker 21 has no video"):
        parse_speakers("1,21")
    assert run_script("get_grid", tmp_path, "--speakers", "99")[0] == 2


MODEL = b"model" * 1000
MODEL_SUM = "sha256:" + hashlib.sha256(MODEL).hexdigest()


def test_get_landmark_model_fetches_unpacks_and_states_the_licence(server, run_script, tmp_path):
    name = "shape_predictor_68_face_landmarks.dat"
    server.files[f"/{name}.bz2"] = bz2.compress(MODEL)
    options = ["--download", tmp_path, "--base-url", server.url, "--checksum", MODEL_SUM, "--quiet"]
    for _ in range(2):
        code, printed, _ = run_script("get_landmark_model", *options)
        assert code == 0
        assert "not for commercial use" in printed
        assert f"LIPKIT_LANDMARK_MODEL={tmp_path / name}" in printed
    assert (tmp_path / name).read_bytes() == MODEL
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len(server.requests) == 1


@pytest.mark.parametrize("content", [bz2.compress(b"other"), b"no archive", b""])
def test_get_landmark_model_refuses_what_is_not_the_model(server, run_script, tmp_path, content):
    server.files["/shape_predictor_68_face_landmarks.dat.bz2"] = content
    options = ["--download", tmp_path, "--base-url", server.url, "--quiet"]
    code, _, error = run_script("get_landmark_model", *options)
    assert code == 1
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_get_landmark_model_says_where_the_installed_one_is(run_script, monkeypatch, tmp_path):
    model = tmp_path / "mine.dat"
    model.write_bytes(MODEL)
    monkeypatch.setenv("LIPKIT_LANDMARK_MODEL", str(model))
    code, printed, _ = run_script("get_landmark_model")
    assert code == 0
    assert printed.splitlines()[0] == str(model)
    assert "not for commercial use" in printed


def lrw_parts(folder: Path, count: int = 3) -> Path:
    """LRW as received, tiny: one tar cut into parts."""
    text = b"Text: ABOUT\nDuration: 0.42 seconds\n"
    stem = "lipread_mp4/ABOUT/train/ABOUT_00001"
    whole = tarred(**{f"{stem}.mp4": b"v" * 5000, f"{stem}.txt": text})
    folder.mkdir()
    size = -(-len(whole) // count)
    for i in range(count):
        name = f"lrw-v1-parta{'abc'[i]}"
        (folder / name).write_bytes(whole[i * size : (i + 1) * size])
    return folder


def test_layout_lrw_unpacks_the_parts_and_counts(run_script, tmp_path):
    source = lrw_parts(tmp_path / "received")
    code, printed, _ = run_script("layout_lrw", tmp_path / "lrw", "--from", source, "--quiet")
    assert code == 0
    assert "2 files unpacked" in printed
    assert "1 clips of 1 words" in printed
    assert "499 of 500 words are missing" in printed
    (record,) = list_clips("lrw", tmp_path / "lrw")
    assert record.words
    assert run_script("layout_lrw", tmp_path / "lrw")[0] == 0


def test_layout_lrw_names_a_missing_part(run_script, tmp_path):
    source = lrw_parts(tmp_path / "received")
    (source / "lrw-v1-partab").unlink()
    code, _, error = run_script("layout_lrw", tmp_path / "lrw", "--from", source)
    assert code == 1
    assert "lrw-v1-partab: is missing" in error
    (source / "lrw-v1-partac").unlink()
    code, _, error = run_script("layout_lrw", tmp_path / "lrw", "--from", source, "--quiet")
    assert code == 1
    assert "incomplete tar" in error
    code, _, error = run_script("layout_lrw", tmp_path / "lrw", "--from", tmp_path)
    assert code == 1
    assert "looked there for lrw-v1-partaa" in error


@pytest.mark.parametrize("copy", [True, False])
def test_layout_ldc_gathers_videos_wherever_they_lie(run_script, tmp_path, copy):
    source = tmp_path / "disc"
    for path in ("disc1/F02/words/F02_list1.mov", "disc2/m01-cid_a.mov", "disc2/intro.mov"):
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(path.encode())
    (source / "disc1/M03").mkdir()
    (source / "disc1/M03/cid_a.mov").write_bytes(b"m03")
    (source / "disc1/M03/cid_a.txt").write_text("Walking's my favorite exercise.")
    options = [source, tmp_path / "ldc", *(["--copy"] if copy else [])]
    for _ in range(2):
        code, printed, _ = run_script("layout_ldc", *options)
        assert code == 0
    assert "3 clips of 3 speakers (F02, M01, M03)" in printed
    assert "1 videos of no known speaker left out" in printed
    records = list_clips("ldc", tmp_path / "ldc")
    assert [r.clip_id for r in records] == ["F02/F02_list1", "M01/M01-cid_a", "M03/M03_cid_a"]
    assert records[2].transcript == "Walking's my favorite exercise."
    assert records[2].video.read_bytes() == b"m03"
    assert records[2].video.is_symlink() is not copy


def test_layout_ldc_copies_what_was_linked_before(run_script, tmp_path):
    (tmp_path / "disc/F02").mkdir(parents=True)
    (tmp_path / "disc/F02/x.mov").write_bytes(b"video")
    for options, linked in (((), True), (("--copy",), False), ((), True)):
        assert run_script("layout_ldc", tmp_path / "disc", tmp_path / "ldc", *options)[0] == 0
        (found,) = (tmp_path / "ldc").rglob("*.mov")
        assert found.is_symlink() is linked, options
    assert (tmp_path / "disc/F02/x.mov").read_bytes() == b"video"


def test_layout_ldc_refuses_two_videos_for_one_place(run_script, tmp_path):
    for path in ("a/F02/x.mov", "b/F02/x.mov"):
        (tmp_path / "disc" / path).parent.mkdir(parents=True)
        (tmp_path / "disc" / path).touch()
    code, _, error = run_script("layout_ldc", tmp_path / "disc", tmp_path / "ldc")
    assert code == 1
    assert "would take the place of" in error
    assert not (tmp_path / "ldc").exists()
    code, _, error = run_script("layout_ldc", tmp_path / "nothing", tmp_path / "ldc")
    assert code == 1
    assert "there is no such folder" in error


def test_make_synthetic_hands_its_options_on(run_script, monkeypatch, tmp_path):
    import lipkit.talker

    asked = {}

    def write_corpus(out, **options):
        asked.update(options, out=out)
        return out

    monkeypatch.setattr(lipkit.talker, "write_corpus", write_corpus, raising=False)
    code, printed, _ = run_script(
        "make_synthetic", tmp_path, "--speakers", 2, "--clips", 3, "--seed", 4, "--quiet"
    )
    assert (code, printed.strip()) == (0, str(tmp_path))
    assert asked == {
        "out": tmp_path,
        "speakers": 2,
        "clips": 3,
        "seed": 4,
        "workers": None,
        "progress": False,
    }
