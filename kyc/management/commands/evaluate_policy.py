"""Ask today's policies about facts in a file; no row is read or written."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from kyc.policy.questions import QuestionInvalid, ask


class Command(BaseCommand):
    """``evaluate_policy FILE``: one question or a list; prints decisions as JSON in that shape."""

    help = "Evaluate the policies on facts from a JSON file (- for standard input)."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        path = "/dev/stdin" if options["file"] == "-" else options["file"]
        try:
            source = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as broken:
            raise CommandError(f"cannot read questions: {broken}") from broken
        questions = source if isinstance(source, list) else [source]
        now = timezone.now()
        answers = []
        for number, question in enumerate(questions):
            try:
                answer = ask(question, now=now).describe()
            except QuestionInvalid as refused:
                raise CommandError(f"question {number}: {refused}") from refused
            if isinstance(question, dict) and "facts" in question and "subject" in question:
                answer = {"subject": question["subject"]} | answer
            answers.append(answer)
        shown = answers if isinstance(source, list) else answers[0]
        self.stdout.write(json.dumps(shown, indent=2, ensure_ascii=False))
