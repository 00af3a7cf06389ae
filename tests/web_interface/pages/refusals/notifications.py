"""What is refused of channels and recipients: kind, sentence, the same in Russian."""

from __future__ import annotations

from domain.errors import ConfigError

SAID = (
    (ConfigError, "message: is longer than 60000 characters", "Текст. Длиннее 60000 знаков"),
    (ConfigError, "secret: expected a service URL of a remote service, such as ntfys://host/topic",
     "Секрет. Нужно: адрес удалённой службы, например ntfys://host/topic"),
    (ConfigError, "secret: the service URL (x://…) is not understood", "Секрет. Адрес службы x://… не распознан"),
    (ConfigError, "channel_id: there is no channel 7", "Канал. Канала 7 нет"),
    (ConfigError, "digest_min: is -1; expected 0 to 1440", "Сводка раз в. Значение -1 не подходит; нужно: от 0 до 1440"),
    (ConfigError, "events: is empty; expected at least one", "События. Ничего не выбрано; нужно: хотя бы одно"),
    (ConfigError, "quiet: begins and ends at the same time; expected two times of day",
     "Тихие часы. Начало и конец совпадают; нужно: два разных времени"),
    (ConfigError, "address: expected the number of a chat or @channelname", "Адрес. Нужно: номер чата или @имя_канала"),
    (ConfigError, 'start: expected "HH:MM"', "Начало. Нужно: время «ЧЧ:ММ» в кавычках"),
)  # fmt: skip
