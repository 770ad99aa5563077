"""Reads and writes a fake GitHub with PyGithub. usage: read.py API_ROOT HEAD_COMMIT"""

import os
import sys

import github

root, head = sys.argv[1:]
token, key = os.environ["STET_FAKE_TOKEN"], os.environ["STET_FAKE_APP_KEY"]
checked = 0


def equal(found, wanted):
    global checked
    checked += 1
    if found != wanted:
        raise SystemExit(f"found {found!r} where {wanted!r} should be")


# Without the pauses with which PyGithub spares the real one.
calm = {"base_url": root, "retry": None, "seconds_between_requests": 0, "seconds_between_writes": 0}
person = github.Github(auth=github.Auth.Token(token), **calm)
equal(person.get_user().login, "grace")
repository = person.get_repo("octo-org/orders")
equal(repository.full_name, "octo-org/orders")
equal(repository.default_branch, "main")
pull = repository.get_pull(1)
equal((pull.number, pull.state, pull.user.login, pull.head.sha), (1, "open", "ada", head))
equal((pull.additions, pull.deletions, pull.changed_files), (2, 1, 1))
equal([file.filename for file in pull.get_files()], ["a.py"])
equal(pull.get_files()[0].patch.startswith("@@ -2,7 +2,8 @@"), True)
equal([p.number for p in repository.get_pulls(state="open")], [1])
equal(repository.get_contents("a.py", ref=head).decoded_content.decode().count("\n"), 11)
equal([entry.path for entry in repository.get_contents("docs")], ["docs/read me.md"])
equal(repository.compare("main", head).ahead_by, 1)
equal(repository.get_collaborator_permission("grace"), "write")
equal(repository.get_collaborator_role_name("ada"), "read")
equal(person.get_rate_limit().resources.core.limit, 5000)

review = pull.create_review(
    commit=repository.get_commit(head),
    body="Good.",
    event="APPROVE",
    comments=[{"path": "a.py", "line": 5, "side": "RIGHT", "body": "Nice."}],
)
equal((review.state, review.user.login), ("APPROVED", "grace"))
equal([r.id for r in pull.get_reviews()], [review.id])
[comment] = pull.get_review_comments()
equal((comment.path, comment.body, comment.user.login), ("a.py", "Nice.", "grace"))
equal(comment.create_reaction("eyes").content, "eyes")
equal(pull.create_review_comment_reply(comment.id, "Thanks.").in_reply_to_id, comment.id)
said = pull.create_issue_comment("A summary.")
said.edit("A better summary.")
equal([c.body for c in pull.get_issue_comments()], ["A better summary."])
pull.add_to_labels("checked", "gone")
pull.remove_from_labels("gone")
equal([label.name for label in pull.get_labels()], ["checked"])
try:
    pull.create_review(
        body="No.", event="COMMENT", comments=[{"path": "a.py", "line": 1, "body": "Far away."}]
    )
    raise SystemExit("a comment outside the diff was taken")
except github.GithubException as error:
    equal(error.status, 422)
for number in range(35):
    pull.create_issue_comment(f"Comment {number}")
equal(len(list(pull.get_issue_comments())), 36)
try:
    repository.create_check_run("stet", head)
    raise SystemExit("a person made a check run")
except github.GithubException as error:
    equal(error.status, 403)

app = github.GithubIntegration(auth=github.Auth.AppAuth(7, key), **calm)
equal(app.get_app().slug, "stet-test")
installation = app.get_repo_installation("octo-org", "orders")
bot = installation.get_github_for_installation()
run = bot.get_repo("octo-org/orders").create_check_run(
    "stet", head, status="in_progress", output={"title": "At work", "summary": "Reading."}
)
run.edit(conclusion="success", output={"title": "Done", "summary": "Well."})
runs = bot.get_repo("octo-org/orders").get_commit(head).get_check_runs()
equal([(r.name, r.status, r.conclusion) for r in runs], [("stet", "completed", "success")])
repository.get_commit(head).create_status("success", context="stet", description="Read.")
equal(repository.get_commit(head).get_combined_status().state, "success")
try:
    github.Github(auth=github.Auth.Token("wrong-token"), **calm).get_user().login
    raise SystemExit("a wrong token was taken")
except github.BadCredentialsException as error:
    equal(error.status, 401)

print(f"PyGithub read what it should: {checked} comparisons")
