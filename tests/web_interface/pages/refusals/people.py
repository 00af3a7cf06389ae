"""What is refused of accounts and keys: kind, sentence, the same in Russian."""

from __future__ import annotations

from domain.errors import ConfigError, Conflict

SAID = (
    (ConfigError, "language 'de': expected ru or en", "Значение «de» не подходит; нужно: ru или en"),
    (ConfigError, "theme 'pink': expected light, dark or auto", "Значение «pink» не подходит; нужно: light, dark или auto"),
    (ConfigError, "name: 1 to 64 printable characters are expected", "Название. От 1 до 64 печатных знаков"),
    (ConfigError, "expires: lies in the past", "Срок действия. Этот срок уже прошёл"),
    (ConfigError, "full name: at most 128 printable characters", "Имя и фамилия. Не больше 128 печатных знаков"),
    (ConfigError, "password: too short, at least 12 characters are needed", "Пароль. Слишком коротко: нужно не меньше 12 знаков"),
    (ConfigError, "password: too long, at most 128 characters are kept", "Пароль. Слишком длинно: не больше 128 знаков"),
    (
        ConfigError,
        "password: easily guessed: one of the commonest, or made only of common words, the product's or your name, rows of keys and digits",
        "Пароль. Такой пароль легко угадать: он из частых слов, имени или ряда клавиш",
    ),
    (ConfigError, "old: the old password is wrong", "Старый пароль. Старый пароль неверен"),
    (Conflict, "admin is the last administrator", "admin последний администратор: сначала назначьте другого"),
)  # fmt: skip
