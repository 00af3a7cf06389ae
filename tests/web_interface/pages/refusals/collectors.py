"""What is refused of the collector's line when web asks it: kind, sentence, the same in Russian."""

from __future__ import annotations

from domain.errors import Conflict

SAID = (
    (Conflict, "no collector runs: nobody is there to ask the line",
     "Ни один процесс collect не работает: линию некому опросить"),
    (Conflict, "several collectors run: c1, c2; save the line first, then its own can be asked",
     "Работает несколько процессов collect: c1, c2. Сохраните линию, тогда её опросит тот, кому она поручена"),
    (Conflict, "collector c1 is silent: it cannot be asked",
     "Процесс c1, который опрашивает линию, молчит. Проверьте, работает ли он"),
    (Conflict, "collector c1 does not answer; it or Kafka is away",
     "Процесс c1, который опрашивает линию, не отвечает: остановлен или нет связи с Kafka"),
    (Conflict, "collector c1 was not ready within 60 s", "Процесс c1 не успел ответить за 60 с"),
    (Conflict, "collector c1 cannot be asked, Kafka is away: it is not connected yet",
     "Процесс c1 не спросить: нет связи с Kafka (it is not connected yet)"),
    (Conflict, "collector c1 cannot be asked: a message of 2000000 bytes is too large",
     "Процесс c1 не спросить: вопрос слишком длинный"),
    (Conflict, "collector c1 has another key: copy keys/secrets.key of the data folder of web to it",
     "У процесса c1 другой ключ: скопируйте keys/secrets.key из папки данных web в его папку данных"),
    (Conflict, "collector c1 is busy with 16 other questions", "Процесс c1 занят другими вопросами (16): повторите чуть позже"),
    (Conflict, "collector c1 is of another version: it does not know 'write'", "Процесс c1 другой версии: обновите его"),
    (Conflict, "collector c1 failed: KeyError, see its log", "Процесс c1 не смог ответить: подробности в его журнале"),
)  # fmt: skip
