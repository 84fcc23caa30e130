"""tools/sdp_check.py."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.core.descriptions import BAD, CORPUS, captured
from tools.provision import ROOT
from tools.sdp_check import main

OFFER, ANSWER = (str(CORPUS / "chromium" / f"av-full.{kind}.sdp") for kind in ("offer", "answer"))
BAD_OFFER = str(BAD / "sdp_no_setup.offer.sdp")


def test_what_is_accepted_is_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([OFFER, ANSWER]) == 0
    first, second, summary = capsys.readouterr().out.splitlines()
    assert (first, second) == (f"{OFFER}: offer accepted", f"{ANSWER}: answer accepted")
    assert json.loads(summary)["dtls"] == ["passive", "active"]
    assert main([OFFER]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[1])["dtls"] == ["actpass"]


def test_what_is_refused_is_told_with_code_place_and_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([BAD_OFFER]) == 1
    first, defect = capsys.readouterr().out.splitlines()
    assert first == f"{BAD_OFFER}: offer refused"
    assert defect.startswith("  sdp_no_setup: m-section 0, line 8: No a=setup with a value ")


def test_an_answer_is_held_against_its_offer(capsys: pytest.CaptureFixture[str]) -> None:
    bad = str(BAD / "sdp_section_count.answer.sdp")
    assert main([OFFER, bad]) == 1
    assert "sdp_section_count" in capsys.readouterr().out


def test_a_later_offer_is_held_against_the_round_before(capsys: pytest.CaptureFixture[str]) -> None:
    before = [str(CORPUS / "chromium" / f"hold-full.initial.{kind}.sdp") for kind in ("offer", "answer")]
    assert main([str(CORPUS / "chromium" / "hold-full.offer.sdp"), "--after", *before]) == 0
    assert main([str(BAD / "sdp_section_removed.reoffer.sdp"), "--after", *before]) == 1
    assert "re-offer refused\n  sdp_section_removed" in capsys.readouterr().out


def test_the_kind_of_call_and_checks_that_only_warn_may_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([OFFER, "--media", "audio"]) == 1
    assert main([OFFER, "--media", "audio", "--warn-only", "sdp_video_in_audio_call"]) == 0
    assert "  warning: sdp_video_in_audio_call: m-section 1" in capsys.readouterr().out


def test_a_description_may_come_as_json_and_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pasted = json.dumps({"type": "offer", "sdp": captured("chromium/dc-full.offer.sdp")})
    (tmp_path / "pasted").write_text(pasted)
    assert main([str(tmp_path / "pasted")]) == 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(pasted.encode())))
    assert main(["-"]) == 0
    for other in ("{", '{"type": "offer"}'):
        (tmp_path / "pasted").write_text(other)
        assert main([str(tmp_path / "pasted")]) == 1
    assert "sdp_no_version" in capsys.readouterr().out


def test_candidates_may_be_checked_as_a_document_holds_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    batch = json.loads(captured("chromium/dc-full.candidates.json"))["offerer"]
    (tmp_path / "batch.json").write_text(json.dumps(batch))
    assert main([str(tmp_path / "batch.json")]) == 0
    assert main([str(BAD / "sdp_candidate_nowhere.candidates.json")]) == 1
    assert "candidates refused\n  sdp_candidate_nowhere: line 1: " in capsys.readouterr().out


def test_a_file_that_is_not_utf_8_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(BAD / "sdp_lone_surrogate.offer.sdp")]) == 1
    assert "sdp_lone_surrogate: line 3" in capsys.readouterr().out


def test_a_file_that_cannot_be_read_is_another_exit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nowhere.sdp"]) == 2
    assert capsys.readouterr().err == "nowhere.sdp: No such file or directory\n"


@pytest.mark.parametrize("named", [[OFFER, ANSWER], [f"FILE={OFFER}", f"ANSWER={ANSWER}"]])
def test_make_takes_the_files_as_goals_or_by_name(named: list[str]) -> None:
    done = subprocess.run(["make", "sdp-check", *named], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{OFFER}: offer accepted\n{ANSWER}: answer accepted\n" in done.stdout


def test_make_fails_where_something_is_refused_or_nothing_is_named() -> None:
    for named in ([BAD_OFFER], []):
        done = subprocess.run(["make", "sdp-check", *named], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 2
