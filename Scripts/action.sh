#!/usr/bin/env bash
# What action.yml runs: reviews the pull request of the event that started the workflow.
# Everything comes by the environment, so that no text of a pull request is ever part of a script.
set -euo pipefail

stet=${PROGRAM:?the path of the program}
event=${GITHUB_EVENT_PATH:?this runs inside a GitHub workflow}
number=$(python3 -c '
import json, sys
event = json.load(open(sys.argv[1]))
pull = event.get("pull_request") or {}
issue = event.get("issue") or {}
number = pull.get("number") or (issue.get("number") if issue.get("pull_request") else None)
print(number if type(number) is int else "")
' "$event")
if [[ -z $number ]]; then
  echo "::error::This event has no pull request; run the action on pull_request events."
  exit 2
fi

arguments=("$GITHUB_REPOSITORY#$number" --fail-on "${FAIL_ON:-error}")
if [[ ${POST:-true} == true ]]; then arguments+=(--post); fi
if [[ -n ${GITHUB_STEP_SUMMARY:-} ]]; then
  arguments+=(--format markdown --output "$RUNNER_TEMP/stet-review.md")
fi

status=0
"$stet" review "${arguments[@]}" || status=$?
if [[ -n ${GITHUB_STEP_SUMMARY:-} && -s $RUNNER_TEMP/stet-review.md ]]; then
  cat "$RUNNER_TEMP/stet-review.md" >>"$GITHUB_STEP_SUMMARY"
fi
exit "$status"
