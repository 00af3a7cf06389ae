"""Everything a service refuses, said in the user's language: none is forgotten."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import ConfigError, Conflict, MonitorError, NotFound
from web_interface.locale import LANGUAGES, has, t
from web_interface.pages import admin_words
from web_interface.pages.expected_patterns import EXPECTED
from web_interface.pages.plant_patterns import GENERAL, NAMES, PLANT
from web_interface.pages.service_patterns import SERVICES

ROOT = Path(__file__).resolve().parents[3]
SAID: tuple[tuple[type[MonitorError], str, str], ...] = (
    (ConfigError, "logo: has 50.0 MB; expected at most 1 MB", "Логотип. Размер 50,0 МБ; нужно: не больше 1 МБ"),
    (ConfigError, "logo: is 5000 x 10 pixels; expected at most 4000 a side",
     "Логотип. Размер 5000 × 10 точек; нужно: не больше 4000 точек по стороне"),
    (ConfigError, "logo: is no picture; expected a PNG or JPEG file", "Логотип. Это не картинка; нужно: файл PNG или JPEG"),
    (ConfigError, 'message: is no message; expected JSON such as {"cnc_id": "DMU-1", "payload": {}}',
     'Текст. Это не сообщение; нужно: JSON, например {"cnc_id": "DMU-1", "payload": {}}'),
    (ConfigError, "message: is longer than 60000 characters", "Текст. Длиннее 60000 знаков"),
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
    (Conflict, "figures of 960 machine hours are still being computed: wait for them",
     "Цифры ещё считаются: осталось часов работы станков: 960"),
    (ConfigError, "workbook: has 50.0 MB; expected at most 5 MB", "Книга Excel. Размер 50,0 МБ; нужно: не больше 5 МБ"),
    (ConfigError, "workbook: is no workbook; expected an XLSX file", "Книга Excel. Это не книга Excel; нужно: файл XLSX"),
    (ConfigError, "workbook: is protected by a password or an old XLS; expected an XLSX file without a password",
     "Книга Excel. Книга под паролем или в старом виде XLS; нужно: файл XLSX без пароля"),
    (ConfigError, "workbook: is too large inside; expected at most 64 MB unpacked",
     "Книга Excel. В развёрнутом виде слишком велика; нужно: не больше 64 МБ в развёрнутом виде"),
    (ConfigError, "workbook: has macros; expected an XLSX file without macros",
     "Книга Excel. В книге есть макросы; нужно: файл XLSX без макросов"),
    (ConfigError, "workbook: has a part with a document type; expected a workbook as Excel writes it",
     "Книга Excel. Книга устроена необычно; нужно: книга, сохранённая в Excel"),
    (ConfigError, "workbook: is not written in UTF-8; expected a workbook as Excel writes it",
     "Книга Excel. Книга устроена необычно; нужно: книга, сохранённая в Excel"),
    (ConfigError, "workbook: is damaged; expected a workbook that Excel opens",
     "Книга Excel. Книга повреждена; нужно: книга, которую открывает Excel"),
    (ConfigError, "workbook: unknown names EM_x, EM_y; nearest: EM_kef",
     "Книга Excel. Таких имён нет: EM_x, EM_y. Похожие: EM_kef"),
    (ConfigError, "workbook: unknown names EM_x", "Книга Excel. Таких имён нет: EM_x"),
    (ConfigError, "workbook: has no cell with a name EM_…; expected at least one name of the example workbook",
     "Книга Excel. В книге нет ячеек с именем EM_…; нужно: хотя бы одно имя из книги-образца"),
    (ConfigError, "workbook: EM_cost names no cells (#REF!); expected cells of one sheet, such as Sheet1!$B$3",
     "Книга Excel. Имя EM_cost не указывает на ячейки (#REF!); нужно: ячейки одного листа, например Sheet1!$B$3"),
    (ConfigError, "workbook: EM_power_kw names a block of cells; expected one column or one row",
     "Книга Excel. Имя EM_power_kw указывает на прямоугольник; нужно: один столбец или одна строка"),
    (ConfigError, "workbook: EM_cost lies on the formula of Sheet1!B3; expected a cell without formula",
     "Книга Excel. Имя EM_cost стоит на ячейке с формулой (Sheet1!B3); нужно: ячейка без формулы"),
    (ConfigError, "workbook: names more cells than can be filled; expected at most 100000",
     "Книга Excel. Слишком много ячеек с именами; нужно: не больше 100000"),
    (ConfigError, "workbook: EM_machine_name has room for 10 entries, the report has 12; expected a longer range",
     "Книга Excel. Для EM_machine_name в книге мест: 10, а в отчёте записей: 12; нужно: диапазон длиннее"),
    (ConfigError, "picture: has 50.0 MB; expected at most 5 MB", "План цеха. Размер 50,0 МБ; нужно: не больше 5 МБ"),
    (ConfigError, "picture: is 5000 x 10 pixels; expected at most 4096 a side",
     "План цеха. Размер 5000 × 10 точек; нужно: не больше 4096 точек по стороне"),
    (ConfigError, "picture: is no picture; expected a PNG, JPEG or WebP file",
     "План цеха. Это не картинка; нужно: файл PNG, JPEG или WebP"),
    (ConfigError, "picture: cannot be drawn; expected a file that a viewer of pictures opens",
     "План цеха. Файл повреждён; нужно: файл, который открывает просмотр картинок"),
    (ConfigError, "places: 'lathe-1' is not on the picture; expected 0 to 100 percent",
     "Места станков. «lathe-1» вне картинки; нужно: от 0 до 100 процентов"),
    (Conflict, "the floor plan was changed by somebody else meanwhile: load it again",
     "Тем временем это изменил кто-то другой: откройте заново"),
    (ConfigError, "'colour' is unknown; expected one of id, name", "Слово «colour» неизвестно; нужно: одно из: id, name"),
    (ConfigError, "language: 'de' is unknown; expected one of ru, en, or empty",
     "Язык. Слово «de» неизвестно; нужно: ru, en или пусто"),
    (ConfigError, "blocks[1]: 'x' is unknown; expected one of days, power",
     "Состав отчёта. Слово «x» неизвестно; нужно: одно из: days, power"),
    (ConfigError, "blocks: a report needs at least one block", "Состав отчёта. В отчёте нужна хотя бы одна часть"),
    (ConfigError, "id: 'a/b' is no id; expected 1 to 60 letters, digits, dashes",
     "Обозначение. «a/b» не годится; нужно: от 1 до 60 букв, цифр и дефисов"),
    (ConfigError, "name: is 500 characters long; expected at most 120", "Название. Знаков: 500; нужно: не больше 120"),
    (ConfigError, "name: has control characters; expected plain text",
     "Название. Слишком длинно или есть управляющие знаки; нужно: простой текст"),
    (ConfigError, "machines[0]: 'x' does not exist", "Станки. «x» нет"),
    (ConfigError, "machines[0]: 'x' does not exist; nearest: y", "Станки. «x» нет; похожие: y"),
    (ConfigError, "name: is missing", "Название. Не заполнено"),
    (ConfigError, "blocks: is no list", "Состав отчёта. Это не список"),
    (ConfigError, "mail_to: has 30 entries; expected at most 20", "Кому. Слишком много записей: 30; нужно: не больше 20"),
    (ConfigError, "blocks[1]: 'x' stands twice", "Состав отчёта. «x» встречается дважды"),
    (ConfigError, "delay_min: is 9999; expected 0 to 2880", "Задержка, мин. Значение 9999 не подходит; нужно: от 0 до 2880"),
    (ConfigError, "folder: is too long or has control characters; expected a folder of the server",
     "Папка сервера. Слишком длинно или есть управляющие знаки; нужно: существующая папка сервера"),
    (ConfigError, "channel_id: is missing; expected the mail channel that sends the report",
     "Канал. Не заполнено; нужно: почтовый канал, который отправит отчёт"),
    (ConfigError, "2026-02-30 is no day of the site's calendar", "Дня 2026-02-30 нет в календаре площадки"),
    (ConfigError, "the window is longer than 400 days", "Отрезок длиннее 400 суток"),
    (Conflict, "5 reports are being made; wait for one or cancel it", "Отчётов в работе: 5. Дождитесь одного или отмените"),
    (Conflict, "report template 'own' exists already", "Шаблон отчёта с таким кодом уже есть"),
    (Conflict, "a view 'night' of anna exists already; choose another name",
     "Вид с таким названием уже есть: выберите другое название"),
    (Conflict, "report template 'own' was changed by somebody else meanwhile: load it again",
     "Тем временем это изменил кто-то другой: откройте заново"),
    (Conflict, "report schedule 3 was changed by somebody else meanwhile: load it again",
     "Тем временем это изменил кто-то другой: откройте заново"),
    (Conflict, "the configuration was changed by somebody else meanwhile: load it again",
     "Тем временем это изменил кто-то другой: откройте заново"),
    (Conflict, "the section 'tariffs' was changed by somebody else meanwhile: load it again",
     "Тем временем это изменил кто-то другой: откройте заново"),
    (ConfigError, "peak_hours: 'Monday' is no hour of a day; expected a day and an hour, such as 2026-11-02 17",
     "Часы пика. «Monday» не похоже на день и час; нужно: день и час, например 2026-11-02 17"),
    (Conflict, "50 backups lie there; delete one first", "Копий уже 50: сначала удалите одну"),
    (Conflict, "too little room for a backup: 12 MB are free, 900 MB are needed",
     "Для копии мало места: свободно 12 МБ, нужно 900 МБ"),
    (Conflict, "a backup is being made already", "Копия уже создаётся"),
    (Conflict, "version 3 is what runs already", "Версия № 3 уже действует"),
    (ConfigError, "reason: expected a text of 1 to 1000 characters", "Причина. Нужно: текст от 1 до 1000 знаков"),
    (ConfigError, "until: expected a time within the next 24 h", "До. Нужно: срок в ближайшие 24 часа"),
    (ConfigError, "positions: is '0'; expected 1 to 100", "Число рабочих мест. Значение '0' не подходит; нужно: от 1 до 100"),
    (ConfigError, "the window has more than 1000000 samples; expected a shorter one",
     "В отрезке больше 1000000 измерений; нужно: отрезок короче"),
    (ConfigError, "the window is longer than 7 days; expected a shorter one", "Отрезок длиннее 7 суток; нужно: отрезок короче"),
    (ConfigError, "the window is longer than 62 days; expected a shorter one", "Отрезок длиннее 62 суток; нужно: отрезок короче"),
    (ConfigError, "source: there is no tag 'm1.x'", "Источник. Величины «m1.x» нет"),
    (
        ConfigError,
        "the window has more than 4000 periods; expected a shorter one, or longer periods",
        "В отрезке больше 4000 периодов; нужно: отрезок короче или период длиннее",
    ),
    (
        ConfigError,
        "subject: there is no 'z'; expected a machine id, section:<name> or site",
        "О чём. «z» нет; нужно: станок, section:<участок> или site",
    ),
    (
        ConfigError,
        "source: 'l1' counts no parts; expected a machine with control.part_count or a tag",
        "Источник. Станок «l1» не считает детали; нужно: станок со счётчиком деталей (control.part_count) или тег",
    ),
    (
        ConfigError,
        "source: 'l1' has no states; expected a machine with thresholds",
        "Источник. У станка «l1» нет порогов состояний; нужно: станок с порогами состояний",
    ),
    (
        ConfigError,
        "source: 'm1.prog' is a text; expected a tag with numbers",
        "Источник. «m1.prog» это текст, а не число; нужно: величина с числами",
    ),
    (
        ConfigError,
        "statistic: is 'mean' of 'm1.e' (counter); expected sum",
        "Обработка. Для тега m1.e значение «mean» не подходит; нужно: sum",
    ),
    (
        ConfigError,
        "statistic: is 'sum' of 'm1.p' (gauge); expected mean, min or max",
        "Обработка. Для тега m1.p значение «sum» не подходит; нужно: mean, min или max",
    ),
    (
        ConfigError,
        "name: is 'B'; expected 'A', whose next version this is",
        "Название. Значение 'B' не подходит; нужно: A: это её следующая версия",
    ),
    (
        ConfigError,
        "name: is empty or too long; expected a text of at most 100 characters",
        "Название. Пусто или слишком длинно; нужно: текст не длиннее 100 знаков",
    ),
    (
        ConfigError,
        "train: ends before it begins; expected from before to",
        "Окно обучения. Конец раньше начала; нужно: начало раньше конца",
    ),
    (
        ConfigError,
        "train: begins in the future; expected a window with figures",
        "Окно обучения. Начало ещё не наступило; нужно: отрезок, за который есть показания",
    ),
    (ConfigError, "variables: are 9; expected 1 to 6", "Переменные. Указано 9; нужно: от 1 до 6"),
    (
        ConfigError,
        "variables: 'x' stands twice; expected each name once",
        "Переменные. «x» встречается дважды; нужно: каждое имя один раз",
    ),
    (
        ConfigError,
        "variables[0].name: is '1x'; expected a letter, then letters, digits and _, at most 30",
        "Название. Значение '1x' не подходит; нужно: латинская буква, затем буквы, цифры и _, не больше 30 знаков",
    ),
    (
        ConfigError,
        "variables[0].statistic: is 'p'; expected one of mean, min, max, sum",
        "Обработка. Значение 'p' не подходит; нужно: одно из: mean, min, max, sum",
    ),
    (ConfigError, "variables[1].source: there is no tag 'm1.x'", "Источник. Величины «m1.x» нет"),
    (ConfigError, "source: is missing; expected the name of a tag", "Источник. Не заполнено; нужно: имя тега"),
    (
        ConfigError,
        "source: 'm1.p' is no temperature; expected an outdoor temperature",
        "Источник. «m1.p» измеряет не температуру; нужно: температура наружного воздуха",
    ),
    (
        ConfigError,
        "variables[1].source: 'm1.p' is no temperature; expected an outdoor temperature",
        "Источник. «m1.p» измеряет не температуру; нужно: температура наружного воздуха",
    ),
    (
        ConfigError,
        "base_c: is missing or no temperature; expected -40 to 60 °C, 18 for heating as a rule",
        "Базовая температура. Базовая температура не задана или не годится; нужно: от −40 до 60 °C, для отопления обычно 18",
    ),
    (ConfigError, "text: expected 1 to 300 characters", "Текст. Нужно: текст от 1 до 300 знаков"),
    (ConfigError, "to: expected a time after from, at most 40 days", "Кому. Нужно: время после начала, не больше 40 суток"),
    (
        ConfigError,
        "time: expected a time of the last 400 days, not in the future",
        "Время. Нужно: время за последние 400 суток, не в будущем",
    ),
    (ConfigError, "days: is 400; expected 1 to 90", "Дни. Значение 400 не подходит; нужно: от 1 до 90"),
    (
        ConfigError,
        "scope: 900 tags are too many for a rehearsal; expected at most 200",
        "Область. Для примерки слишком много величин: 900; нужно: не больше 200",
    ),
    (ConfigError, "low: is 5; expected less than high (3)", "Нижний. Значение 5 не подходит; нужно: меньше, чем «Верхний» (3)"),
    (
        ConfigError,
        "low: nothing is filtered; expected low, high or spike",
        "Нижний. Фильтр ничего не отсеивает; нужно: нижняя граница, верхняя граница или фильтр выбросов",
    ),
    (
        ConfigError,
        "production_above_kw is 1; expected more than idle_above_kw (3), both above 0",
        "Работа выше. Значение 1 не подходит; нужно: больше, чем «Простой выше» (3), оба больше нуля",
    ),
    (
        ConfigError,
        "production_above_kw is 3.5: left only below 2.5, it overlaps idle_above_kw (3); expected more than 4, or a smaller hysteresis_kw",
        "Работа выше. Порог 3,5 с гистерезисом снимется лишь ниже 2,5 и перекроет «Простой выше» (3); нужно: больше 4 или гистерезис поменьше",
    ),
    (
        ConfigError,
        "hysteresis_kw is 9; expected less than idle_above_kw (3)",
        "Гистерезис. Значение 9 не подходит; нужно: меньше, чем «Простой выше» (3)",
    ),
    (ConfigError, "unit: 'GWh' is none of kWh, MWh", "Единица. «GWh» не из списка: kWh, MWh"),
    (
        ConfigError,
        "table: expected a name of 1 to 60 characters, the one that a tariff's field table holds",
        "Таблица. Нужно: имя от 1 до 60 знаков, то же, что в поле table тарифа",
    ),
    (ConfigError, "the file is larger than 4 MB", "Файл больше 4 МБ"),
    (
        ConfigError,
        "the file is neither a table of Excel nor a text in UTF-8 or Windows-1251",
        "Файл не таблица Excel и не текст в UTF-8 или Windows-1251",
    ),
    (ConfigError, "the file has more than 20000 rows", "В файле больше 20000 строк"),
    (ConfigError, "the file is no table of Excel (.xlsx)", "Файл не таблица Excel (.xlsx)"),
    (ConfigError, "the table is too large", "Таблица слишком велика"),
    (
        ConfigError,
        "settings.url: expected http(s)://host[:port]/path, without a password",
        "Адрес сервера. Нужно: http(s)://адрес[:порт]/путь, без пароля",
    ),
    (
        ConfigError,
        "secret: expected a service URL of a remote service, such as ntfys://host/topic",
        "Секрет. Нужно: адрес удалённой службы, например ntfys://host/topic",
    ),
    (ConfigError, "secret: the service URL (x://…) is not understood", "Секрет. Адрес службы x://… не распознан"),
    (
        ConfigError,
        "address: 'a' is no mailbox; expected for example name@example.org",
        "Адрес. «a» не почтовый адрес; нужно: значение вида name@example.org",
    ),
    (ConfigError, "name: expected a text of 1 to 100 characters", "Название. Нужно: текст от 1 до 100 знаков"),
    (
        ConfigError,
        "settings.topic: is no setting of email; expected host, port",
        "Тема. Такой настройки у почты нет; нужно: host, port",
    ),
    (ConfigError, "settings.security: expected one of starttls, tls, none", "Защита. Нужно: одно из: starttls, tls, none"),
    (ConfigError, "settings.port: expected a whole number from 1 to 65535", "Порт. Нужно: целое число от 1 до 65535"),
    (ConfigError, "channel_id: there is no channel 7", "Канал. Канала 7 нет"),
    (ConfigError, "digest_min: is -1; expected 0 to 1440", "Сводка раз в. Значение -1 не подходит; нужно: от 0 до 1440"),
    (ConfigError, "events: is empty; expected at least one", "События. Ничего не выбрано; нужно: хотя бы одно"),
    (
        ConfigError,
        "quiet: begins and ends at the same time; expected two times of day",
        "Тихие часы. Начало и конец совпадают; нужно: два разных времени",
    ),
    (ConfigError, "address: expected the number of a chat or @channelname", "Адрес. Нужно: номер чата или @имя_канала"),
    (
        ConfigError,
        "settings.allow: 'x' is no network; expected for example 192.168.10.0/24",
        "Разрешённые сети. «x» не сеть и не адрес; нужно: значение вида 192.168.10.0/24",
    ),
    (ConfigError, "settings.templates.ru.title: is longer than 2000 characters", "Заголовок. Длиннее 2000 знаков"),
    (
        ConfigError,
        "settings.templates.ru.title: there is no place {x}; expected {machine}, {site}",
        "Заголовок. Подстановки {x} нет; нужно: {machine}, {site}",
    ),
    (
        ConfigError,
        "settings.templates.ru.title: a brace stands alone; a place is written {machine}",
        "Заголовок. Скобка без пары: подстановка пишется {machine}",
    ),
    (
        ConfigError,
        "settings.templates: expected languages (ru, en) with their texts",
        "Тексты сообщений. Нужно: языки (ru, en) с их текстами",
    ),
    (ConfigError, "settings.templates.ru.x: is no text; expected title, body", "Такого текста нет; нужно: title, body"),
    (ConfigError, "format 'doc': expected one of pdf, xlsx", "Вид файла «doc» не подходит; нужно: одно из: pdf, xlsx"),
    (ConfigError, "from must lie before to", "Начало должно быть раньше конца"),
    (ConfigError, "the window is longer than 366 days", "Отрезок длиннее 366 суток"),
    (
        ConfigError,
        "the window lies in the future: there is nothing to report yet",
        "Отрезок ещё не наступил: отчитываться не о чем",
    ),
    (
        ConfigError,
        "no shift lies in this window; see the shifts of the plant",
        "В этом отрезке нет ни одной смены: проверьте график смен",
    ),
    (
        ConfigError,
        "rule.id: is missing; expected a name such as overload",
        "Обозначение. Не заполнено; нужно: имя, например overload",
    ),
    (ConfigError, "language 'de': expected ru or en", "Значение «de» не подходит; нужно: ru или en"),
    (ConfigError, "theme 'pink': expected light, dark or auto", "Значение «pink» не подходит; нужно: light, dark или auto"),
    (ConfigError, "name: 1 to 64 printable characters are expected", "Название. От 1 до 64 печатных знаков"),
    (ConfigError, "expires: lies in the past", "Срок действия. Этот срок уже прошёл"),
    (ConfigError, "name: 1 to 64 letters, digits and . _ @ - are expected", "Название. От 1 до 64 букв, цифр и знаков . _ @ -"),
    (ConfigError, "full name: at most 128 printable characters", "Имя и фамилия. Не больше 128 печатных знаков"),
    (ConfigError, "password: too short, at least 12 characters are needed", "Пароль. Слишком коротко: нужно не меньше 12 знаков"),
    (ConfigError, "password: too long, at most 128 characters are kept", "Пароль. Слишком длинно: не больше 128 знаков"),
    (
        ConfigError,
        "password: easily guessed: one of the commonest, or made only of common words, the product's or your name, rows of keys and digits",
        "Пароль. Такой пароль легко угадать: он из частых слов, имени или ряда клавиш",
    ),
    (ConfigError, "old: the old password is wrong", "Старый пароль. Старый пароль неверен"),
    (ConfigError, 'date: is no day; expected a day "YYYY-MM-DD"', "Дата. Это не дата; нужно: дата «ГГГГ-ММ-ДД»"),
    (
        ConfigError,
        "breaks: 'tea' is no break; expected a name and its times, such as lunch 11:00–11:45",
        "Перерывы. «tea» не перерыв; нужно: название и время, например обед 11:00–11:45",
    ),
    (ConfigError, 'start: expected "HH:MM"', "Начало. Нужно: время «ЧЧ:ММ» в кавычках"),
    (ConfigError, "the plant has not been loaded yet", "Описание цеха ещё не загружено"),
    (Conflict, "alert 5 was acknowledged meanwhile by anna", "Тревогу уже квитировал(а) anna"),
    (Conflict, "alert 5 was acknowledged meanwhile by None", "Тревога тем временем закончилась"),
    (Conflict, "alert 5 is already acknowledged by anna", "Тревогу уже квитировал(а) anna"),
    (Conflict, "alert 5 is not shelved", "Тревога не отложена"),
    (Conflict, "rule 'r1' is in service", "Правило «r1» действует"),
    (Conflict, "alert 5 is over", "Тревога уже закончилась"),
    (
        Conflict,
        "a baseline 'A' exists already; fit it anew to get its next version",
        "Базовая линия «A» уже есть: обучите её заново, получится новая версия",
    ),
    (
        Conflict,
        "of 'l1' only 7 whole minutes in one state are known in the 14 days of the period; 600 are needed: set its states, or"
        " choose a longer period with data",
        "По станку «l1» за 14 сут набралось полных минут в одном состоянии: 7. Нужно 600: задайте пороги состояний или выберите"
        " период длиннее, в котором есть данные",
    ),
    (Conflict, "a model of 'l1' is being trained already; wait for it or cancel it",
     "Модель станка «l1» уже обучается: дождитесь конца или отмените"),
    (ConfigError, "period: ends before it begins; expected from before to", "Период. Конец раньше начала; нужно: начало раньше конца"),
    (ConfigError, "period: ends in the future; expected a period that has passed",
     "Период. Конец ещё не наступил; нужно: период, который уже прошёл"),
    (ConfigError, "period: the period is longer than 92 days; expected a shorter one",
     "Период. Период длиннее 92 суток; нужно: отрезок короче"),
    (
        Conflict,
        "the rule 'long_idle' watches a machine, not the supply of the site",
        "Правило «long_idle» следит за станком, а не за питанием площадки",
    ),
    (
        Conflict,
        "the rule 'voltage_range' watches the supply of the site, not one machine",
        "Правило «voltage_range» следит за питанием площадки, а не за одним станком",
    ),
    (
        Conflict,
        "long_idle has no parameter 'x'; it has min_minutes, medium_kwh",
        "У правила long_idle нет параметра «x», есть: min_minutes, medium_kwh",
    ),
    (Conflict, "min_minutes is 0; expected 1 to 10080 min", "Не короче, мин. Значение 0 не подходит; нужно: от 1 до 10080 мин"),
    (Conflict, "2 rehearsals are running; wait for one or cancel it", "Уже идут примерки: 2. Дождитесь конца или отмените одну"),
    (
        Conflict,
        "m1.p.high is a limit of a tag: change it under limits",
        "m1.p.high задано пределом величины: измените его в разделе «Пределы»",
    ),
    (Conflict, "user 'anna' exists already", "Имя «anna» уже занято"),
    (Conflict, "alignment 'oven' exists already", "Имя «oven» уже занято"),
    (Conflict, "admin is the last administrator", "admin последний администратор: сначала назначьте другого"),
    (Conflict, "line 'a' is used by m1, m2", "На линии «a» есть приборы: m1, m2. Сначала перенесите или удалите их"),
    (Conflict, "device 'm1' is the meter of l1", "«m1» служит счётчиком станка l1. Сначала назначьте станку другой счётчик"),
    (
        Conflict, "machine 'lathe' is needed by alert_rules peak, plans 2, loops oven",
        "Удалить нельзя, пока это нужно другим настройкам: Правило тревоги «peak», План «2», Контур «oven». "
        "Сначала уберите оттуда «lathe»",
    ),
    (Conflict, "virtual tag 'shop.a' is used by shop.b", "Виртуальный тег «shop.a» используют: shop.b"),
    (Conflict, "tag 'm1.p' has limits already", "Для «m1.p» пределы уже заданы"),
    (Conflict, "machine 'l1' exists already", "Имя «l1» уже занято"),
    (Conflict, "line 'gw1' exists already", "Имя «gw1» уже занято"),
    (Conflict, "channel 'mail' exists already", "Имя «mail» уже занято"),
    (Conflict, "alert 'k' stands already", "Такая тревога уже есть"),
    (ConfigError, "there is no model 'oracle'; expected one of limits, distance, forest",
     "Модели контроля «oracle» нет; нужно: одно из: limits, distance, forest"),
    (ConfigError, "comparing pictures needs OpenCV (opencv-python-headless), which is not installed",
     "Для сравнения снимков нужна OpenCV (opencv-python-headless), она не установлена"),
    (ConfigError, "the pictures of the good items are not of one shape", "Снимки годных изделий разной формы"),
    (ConfigError, "9 good items are too few; at least 10 are needed", "Годных изделий мало: 9, нужно не меньше 10"),
    (ConfigError, "not every item has torque.mean", "Не у всех изделий есть признаки: torque.mean"),
    (ConfigError, "the items have no feature in common that differs between them",
     "У изделий нет общих признаков, которые различаются"),
    (ConfigError, "the model forest needs scikit-learn, which is not installed",
     "Для модели forest нужна библиотека scikit-learn, она не установлена"),
    (Conflict, "no row of the table can be imported", "Ни одной строки нельзя внести"),
    (ConfigError, "tag: is missing; expected a column tag", "Величина. Не заполнено; нужно: столбец tag"),
    (ConfigError, "points: are missing; expected at least one point", "Точки. Не заполнено; нужно: хотя бы одна точка"),
    (ConfigError, "name: is 'Own Name'; expected lower-case letters, digits and -",
     "Название. Значение 'Own Name' не подходит; нужно: строчные латинские буквы, цифры и -"),
    (Conflict, "profile 'own' exists already", "Имя «own» уже занято"),
    (Conflict, "500 own profiles lie there; delete one first", "Своих профилей уже 500: сначала удалите один"),
    (Conflict, "profile 'own' is used by m1, m2", "Профиль «own» нужен приборам: m1, m2"),
    (Conflict, "machine 'l1' was changed by somebody else meanwhile: load it again",
     "Тем временем это изменил кто-то другой: откройте заново"),
    (Conflict, "limit 'm1.active_power' was changed by somebody else meanwhile: load it again",
     "Тем временем это изменил кто-то другой: откройте заново"),
    (Conflict, "virtual_tag 'shop.half' was changed by somebody else meanwhile: load it again",
     "Тем временем это изменил кто-то другой: откройте заново"),
    (Conflict, "detectors 'lathe-1' was changed by somebody else meanwhile: load it again",
     "Тем временем это изменил кто-то другой: откройте заново"),
    (Conflict, "profile 'own' was changed by somebody else meanwhile: load it again",
     "Тем временем это изменил кто-то другой: откройте заново"),
)


SPEAKERS = (
    "analysis", "notifications", "reports", "config/plant_admin.py", "config/commissioning.py",
    "application/price_file.py", "application/table_file.py", "application/device_tables.py", "config/profile_admin.py",
    "config/point_table.py", "application/plugins.py", "database/repositories",
    "web_interface/auth", "web_interface/pages", "web_interface/api/alert_rules.py",
)  # fmt: skip


def refusals() -> Iterator[tuple[str, str]]:
    """(place, pattern) of every sentence that a service refuses something with."""
    for speaker in SPEAKERS:
        root = ROOT / speaker
        for path in [root] if root.suffix else sorted(root.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"ConfigError", "Conflict"}:
                    pattern = pattern_of(node.args[0])
                    if pattern is not None:
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", pattern


def pattern_of(node: ast.expr) -> str | None:
    """What the sentence may become; None when it is made elsewhere."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):  # "...".rstrip()
        return pattern_of(node.func.value)
    if isinstance(node, ast.Constant):
        return re.escape(str(node.value))
    if not isinstance(node, ast.JoinedStr):
        return None
    return "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in node.values)


@pytest.mark.parametrize(("kind", "text", "words"), SAID, ids=lambda value: value[:40] if isinstance(value, str) else "")
def test_what_a_service_refuses_is_said_in_russian(kind: type[MonitorError], text: str, words: str) -> None:
    assert admin_words.said(kind(text), "ru") == words
    assert not re.search("[А-Яа-я]", admin_words.said(kind(text), "en"))


def test_no_refusal_of_a_service_is_forgotten() -> None:
    silent = [
        f"{place}: {pattern}" for place, pattern in refusals() if not any(re.fullmatch(pattern, text, re.DOTALL) for _, text, _ in SAID)
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (NotFound("machine", "z", ("l1", "l2")), "Станка «z» нет, есть: l1, l2"),
        (NotFound("virtual tag", "shop.x"), "Виртуального тега «shop.x» нет"),
        (NotFound("plug-in", "mills"), "Модуля «mills» нет"),
        (NotFound("camera", "cell"), "Камеры «cell» нет"),
        (NotFound("running re-computation", "l1"), "Идущего пересчёта «l1» нет"),
    ],
)
def test_what_is_not_there_is_said_in_russian(missing: NotFound, words: str) -> None:
    assert admin_words.said(missing, "ru") == words


def test_everything_that_may_be_missing_has_a_name() -> None:
    found = set()
    for root in ("analysis", "application", "config", "database", "notifications", "reports", "web_interface"):
        for path in (ROOT / root).rglob("*.py"):
            found |= set(re.findall(r"(?:NotFound|_not_found)\(\s*\"([a-z -]+)\"", path.read_text(encoding="utf-8")))
    assert len(found) > 15
    keys = {f"problem.what.{re.sub('[ -]', '_', what)}" for what in found}
    assert {key for key in keys for lang in LANGUAGES if not has(key, lang)} == set()



def test_every_key_of_the_patterns_has_a_text_with_its_groups() -> None:
    for patterns, prefix in (((*PLANT, *SERVICES, *NAMES, *GENERAL), "problem"), (EXPECTED, "expected")):
        for pattern, key in patterns:
            groups = set(re.compile(pattern).groupindex)
            for lang in LANGUAGES:
                assert has(f"{prefix}.{key}", lang), key
                places = set(re.findall(r"\{(\w+)\}", t(f"{prefix}.{key}", lang)))
                assert places <= groups, (key, lang)
