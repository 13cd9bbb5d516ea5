"""`pureboot agent`."""

from tests.console.cli_support import Commands


def test_agents_on_the_command_line(pureboot_command: Commands) -> None:
    run = pureboot_command
    assert run("agent", "list").output.strip() == "no agents"
    words = ("agent", "add", "burner", "http://127.0.0.1:9/do", "--auth-type", "bearer", "--auth", "token=-")
    assert "agent burner was registered" in run.ok(*words, input_="t0p-s3cret\n")
    shown = run.ok("agent", "show", "burner") + str(run.json("agent", "show", "burner"))
    assert "t0p-s3cret" not in shown
    assert run.json("agent", "list")[0]["auth_type"] == "bearer"
    assert run("agent", "add", "burner", "http://a").exit_code == 4
    bad = run("agent", "add", "other", "nowhere", "--auth-type", "hmac")
    assert (bad.exit_code, "auth_config.secret: is missing" in bad.output) == (1, True)
    assert "changed" in run.ok("agent", "set", "burner", "--timeout-ms", "300", "--retry", "max_attempts=1")
    assert run("agent", "set", "burner").exit_code == 2
    looked = run("agent", "check", "burner")
    assert (looked.exit_code, "unhealthy" in looked.output) == (1, True)
    assert run("agent", "check", "nobody").exit_code == 3
    assert "deleted" in run.ok("agent", "delete", "burner")
    assert run("agent", "check").output.strip() == "no agents"
