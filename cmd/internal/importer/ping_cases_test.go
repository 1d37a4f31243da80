package importer

const macOS = `PING 192.0.2.10 (192.0.2.10): 56 data bytes
64 bytes from 192.0.2.10: icmp_seq=0 ttl=57 time=14.225 ms
Request timeout for icmp_seq 1
64 bytes from 192.0.2.10: icmp_seq=1 ttl=57 time=1204.225 ms
64 bytes from 192.0.2.10: icmp_seq=3 ttl=57 time=13.001 ms
64 bytes from 192.0.2.10: icmp_seq=2 ttl=57 time=1014.225 ms
64 bytes from 192.0.2.10: icmp_seq=2 ttl=57 time=1015.225 ms (DUP!)
Request timeout for icmp_seq 4

--- 192.0.2.10 ping statistics ---
5 packets transmitted, 4 packets received, +1 duplicates, 20.0% packet loss
round-trip min/avg/max/stddev = 13.001/561.419/1204.225/500.000 ms
`

const linux = "PING 192.0.2.10 (192.0.2.10) 56(84) bytes of data.\n"

const two = "64 bytes from 192.0.2.10: icmp_seq=1 ttl=64 time=230 ms\n64 bytes from 192.0.2.10: icmp_seq=2 ttl=64 time=231 ms\n"

var pingCases = []toolCase{
	{name: "macOS", format: "ping", output: macOS, delays: "14.225 1204.225 1014.225 13.001 -", arrivals: "0 1 3 2", duplicates: 1, asked: "192.0.2.10"},
	{name: "decimal comma", format: "ping", output: `PING host.lan (192.0.2.10): 56 data bytes
64 bytes from 192.0.2.10: icmp_seq=0 ttl=64 time=0,481 ms
64 bytes from 192.0.2.10: icmp_seq=1 ttl=64 time=16 ms
64 bytes from 192.0.2.10: icmp_seq=2 ttl=64 time=16,076 ms
--- host.lan ping statistics ---
3 packets transmitted, 3 packets received, 0% packet loss
round-trip min/avg/max/stddev = 0,481/0,489/0,497/0,008 ms
`, delays: "0.481 16 16.076", asked: "host.lan"},
	{name: "German, half translated", format: "ping", output: `PING 192.0.2.10 (192.0.2.10) 56(84) Bytes an Daten.
64 Bytes von 192.0.2.10: icmp_seq=1 ttl=64 Zeit=0.345 ms
Von 192.0.2.1 icmp_seq=2 Zielrechner nicht erreichbar
64 Bytes von 192.0.2.10: icmp_seq=3 ttl=64 Zeit=0,391 ms

--- 192.0.2.10 ping-Statistik ---
3 Pakete übertragen, 2 empfangen, +1 Fehler, 33,3333% packet loss, time 1001ms
rtt min/avg/max/mdev = 0.345/0.368/0.391/0.023 ms
`, delays: "0.345 - 0.391"},
	{name: "Japanese", format: "ping", output: `PING 192.0.2.10 (192.0.2.10) 56(84) バイトのデータ
64 バイト応答 送信元 192.0.2.10: icmp_seq=1 ttl=64 時間=0.345ミリ秒
64 バイト応答 送信元 192.0.2.10: icmp_seq=2 ttl=64 時間=0.391ミリ秒 (DUP!)
64 バイト応答 送信元 192.0.2.10: icmp_seq=2 ttl=64 時間=0.380ミリ秒

--- 192.0.2.10 ping 統計 ---
送信パケット数 2, 受信パケット数 2, 0% パケット損失, 時間 1001ミリ秒
rtt 最小/平均/最大/mdev = 0.345/0.368/0.391/0.023ミリ秒
`, delays: "0.345 0.38", duplicates: 1},
	{name: "Ukrainian, first word translated", format: "ping", output: `ПІНГ 192.0.2.10 (192.0.2.10) 56(84) байтів даних.
64 байтів з 192.0.2.10: icmp_seq=1 ttl=64 час=11.5 мс

--- статистика пінгу 192.0.2.10 ---
пакетів передано: 1, отримано: 1, втрачено 0%, час 0 мс
`, delays: "11.5"},
	{name: "Chinese", format: "ping", output: `PING 192.0.2.10 (192.0.2.10) 56(84) 字节的数据。
64 字节，来自 192.0.2.10: icmp_seq=1 ttl=64 时间=0.035 毫秒

--- 192.0.2.10 ping 统计 ---
已发送 1 个包， 已接收 1 个包, 0% 包丢失, 耗时 0 毫秒
`, delays: "0.035"},
	{name: "Turkish, the sign first", format: "ping", output: `PING 192.0.2.10 (192.0.2.10) 56(84) bayt veri.
64 bayt 192.0.2.10 adresinden: icmp_seq=1 ttl=64 süre=1.5 ms
--- 192.0.2.10 ping istatistikleri ---
4 paket gönderildi, 1 alındı, %75 paket kaybı, süre 3003ms
`, delays: "1.5 - - -", notes: []string{"1 probe at the end has no answer"}},
	{name: "words that the numbers do not decide", format: "ping", output: linux + two + "\n2 verzonden waarvan 2 terug: 0% verlies\n", refused: "run it with LC_ALL=C"},
	{name: "numbers that do not fit", format: "ping", output: linux + two + "\n9 gesendet, 2 empfangen, 0% verloren\n", refused: "run it with LC_ALL=C"},
	{name: "unreadable answers", format: "ping", output: linux + "64 oktet 192.0.2.10: icmp_seq-1 ttl-64 tid-1.5 ms\n\n1 packets transmitted, 1 received, 0% packet loss, time 0ms\n", refused: "LC_ALL=C; 1 line was not understood: line 2"},

	{name: "Windows", format: "ping", output: `
Pinging 192.0.2.10 with 32 bytes of data:
Reply from 192.0.2.10: bytes=32 time=25ms TTL=53
Request timed out.
Reply from 192.0.2.10: bytes=32 time<1ms TTL=53

Ping statistics for 192.0.2.10:
    Packets: Sent = 3, Received = 2, Lost = 1 (33% loss),
`, refused: "ping of Windows: it prints whole milliseconds"},
	{name: "Windows, French in code page 850", format: "ping", output: "Envoi d'une requ\x88te 'Ping' 192.0.2.10 avec 32 octets de donn\x82es\xff:\r\nR\x82ponse de 192.0.2.10\xff: octets=32 temps=25 ms TTL=53\r\n", refused: "ping of Windows"},
	{name: "Windows, German, IPv6", format: "ping", output: "Antwort von 2001:db8::1: Zeit=25ms\n\nPing-Statistik für 2001:db8::1:\n    Pakete: Gesendet = 1, Empfangen = 1, Verloren = 0\n    (0% Verlust),\n", refused: "ping of Windows"},
	{name: "a bound", format: "ping", output: linux + "64 bytes from 192.0.2.10: icmp_seq=1 ttl=64 time<1 ms\n1 packets transmitted, 1 received, 0% packet loss, time 0ms\n", refused: "only a bound"},

	{name: "Android", format: "ping", output: `Ping example.net (192.0.2.10): 56(84) bytes.
64 bytes from 192.0.2.10: icmp_seq=2 ttl=0 time=12 ms
64 bytes from 192.0.2.10: icmp_seq=3 ttl=0 time=14 ms

--- 192.0.2.10 ping statistics ---
3 packets transmitted, 2 received, 33% packet loss
round-trip min/avg/max = 12/14/13 ms
`, delays: "- 12 14", asked: "example.net"},
	{name: "truncated", format: "ping", output: `PING 192.0.2.10 (192.0.2.10) 1472(1500) bytes of data.
76 bytes from 192.0.2.10: icmp_seq=1 ttl=57 (truncated)
76 bytes from 192.0.2.10: icmp_seq=2 ttl=57 (truncated)

2 packets transmitted, 2 received, 0% packet loss, time 1001ms
`, refused: "2 answers have no time, as they came back shorter than sent, (truncated)"},
	{name: "small packets", format: "ping", output: "PING 192.0.2.10 (192.0.2.10) 8(36) bytes of data.\n16 bytes from 192.0.2.10: icmp_seq=1 ttl=57\n1 packets transmitted, 1 received, 0% packet loss, time 0ms\n", refused: "1 answer has no time: ping measures none with packets of under 16 bytes"},
	{name: "flood", format: "ping", output: linux + ".\b \b..\b \b\n--- 192.0.2.10 ping statistics ---\n1751 packets transmitted, 1750 received, 0.0571102% packet loss, time 1868ms\nrtt min/avg/max/mdev = 1.015/1.030/1.116/0.013 ms, ipg/ewma = 1.067/1.035 ms\n", refused: "ping -f prints no single round trips"},
	{name: "quiet", format: "ping", output: linux + "\n--- 192.0.2.10 ping statistics ---\n5 packets transmitted, 5 received, 0% packet loss, time 826ms\nrtt min/avg/max/mdev = 0.012/0.033/0.041/0.010 ms\n", refused: "no single round trips (ping -q)"},
	{name: "bad checksum", format: "ping", output: linux + two + "64 bytes from 192.0.2.10: icmp_seq=3 ttl=64 time=3 ms (BAD CHECKSUM!)\n64 bytes from 192.0.2.10: icmp_seq=4 ttl=64 time=229 ms\n\n4 packets transmitted, 3 received, +1 corrupted, 25% packet loss, time 3004ms\n", delays: "230 231 - 229"},
	{name: "all lost", format: "ping", output: linux + "From 192.0.2.1 icmp_seq=1 Destination Host Unreachable\n\n--- 192.0.2.10 ping statistics ---\n2 packets transmitted, 0 received, +1 errors, 100% packet loss, time 1009ms\npipe 2\n", delays: "- -"},
	{name: "BusyBox, the first lost", format: "ping", output: "PING 192.0.2.10 (192.0.2.10): 56 data bytes\n64 bytes from 192.0.2.10: seq=1 ttl=64 time=0.234 ms\n64 bytes from 192.0.2.10: seq=1 ttl=64 time=0.334 ms (DUP!)\n\n--- 192.0.2.10 ping statistics ---\n2 packets transmitted, 1 packets received, 1 duplicates, 50% packet loss\n", delays: "- 0.234", duplicates: 1},

	{name: "ts and -D -O", format: "ping", output: `Nov 25 02:00:01 PING 192.0.2.10 (192.0.2.10) 64(92) bytes of data.
Nov 25 02:00:01 [1700000000.100000] no answer yet for icmp_seq=1
Nov 25 02:00:01 [1700000000.183000] 72 bytes from 192.0.2.10: icmp_seq=1 ttl=48 time=283 ms
Nov 25 02:00:01 [1700000000.500000] no answer yet for icmp_seq=2
Nov 25 02:00:01 [1700000000.700000] 72 bytes from 192.0.2.10: icmp_seq=3 ttl=48 time=284 ms
Nov 25 02:00:01
Nov 25 02:00:01 --- 192.0.2.10 ping statistics ---
Nov 25 02:00:01 3 packets transmitted, 2 received, 33% packet loss, time 803ms
Nov 25 02:00:01 rtt min/avg/max/mdev = 282.854/283.307/284.019/0.701 ms, pipe 2
`, delays: "283 - 284", asked: "192.0.2.10", from: "2023-11-14T22:13:20.183Z", to: "2023-11-14T22:13:20.7Z"},
	{name: "apple-time", format: "ping", output: "PING 192.0.2.10 (192.0.2.10): 56 data bytes\n10:02:11.123456 64 bytes from 192.0.2.10: icmp_seq=0 ttl=57 time=14.225 ms\n\n1 packets transmitted, 1 packets received, 0.0% packet loss\n", delays: "14.225"},

	{name: "the last lost", format: "ping", output: linux + two + "\n3 packets transmitted, 2 received, 33.3333% packet loss, time 2003ms\n", delays: "230 231 -", notes: []string{"1 probe at the end has no answer, and is counted as lost: if the run was stopped by hand (^C), it may still have been under way"}},
	{name: "stopped by hand", format: "ping", output: linux + two + "^C\n--- 192.0.2.10 ping statistics ---\n3 packets transmitted, 2 received, 33.3333% packet loss, time 2003ms\n", delays: "230 231", inFlight: 1},
	// 100 ms apart and 231 ms long: of the 5 without an answer the last 3 were sent
	// less than that before the end.
	{name: "stopped by hand, some lost before", format: "ping", output: linux + two + "^C--- 192.0.2.10 ping statistics ---\n7 packets transmitted, 2 received, 71% packet loss, time 600ms\n", delays: "230 231 - -", inFlight: 3},
	{name: "stopped by hand before any answer", format: "ping", output: linux + "^C\n--- 192.0.2.10 ping statistics ---\n2 packets transmitted, 0 received, 100% packet loss, time 1003ms\n", delays: "- -"},
	{name: "a line that is not known", format: "ping", output: linux + "Warning: time of day goes back (-12us), taking countermeasures\n" + two + "\n2 packets transmitted, 2 received, 0% packet loss, time 1001ms\n", delays: "230 231", notes: []string{`1 line was not understood: line 2, "Warning: time of day goes back`}},
	{name: "a line that is missing", format: "ping", output: linux + two + "one was here\n\n3 packets transmitted, 3 received, 0% packet loss, time 2001ms\n", refused: `ping says that 3 answers came, and 2 can be read: the output was changed, or is of an unknown ping; 1 line was not understood: line 4, "one was here"`},
	{name: "two runs", format: "ping", output: linux + two + linux + two + "\n2 packets transmitted, 2 received, 0% packet loss, time 1001ms\n", refused: "more than one run"},
	{name: "cut off", format: "ping", output: linux + two, refused: "the run was cut off"},
	{name: "no beginning", format: "ping", output: two + "\n2 packets transmitted, 2 received, 0% packet loss, time 1001ms\n", refused: "its beginning is missing"},
	{name: "BSD's unreachable", format: "ping", output: `PING 192.0.2.10 (192.0.2.10): 56 data bytes
92 bytes from 192.0.2.1: Destination Host Unreachable
Vr HL TOS  Len   ID Flg  off TTL Pro  cks      Src      Dst
 4  5  00 5400 c2b1   0 0000  3f  01 b8f5 192.0.2.2  192.0.2.10

Request timeout for icmp_seq 0
64 bytes from 192.0.2.10: icmp_seq=1 ttl=57 time=14.225 ms

2 packets transmitted, 1 packets received, 50.0% packet loss
`, delays: "- 14.225"},
	{name: "Solaris", format: "ping", output: `PING edge.example: 56 data bytes
64 bytes from edge.example (192.0.2.10): icmp_seq=0. time=0.345 ms
64 bytes from edge.example (192.0.2.10): icmp_seq=2. time=0.5 ms

----edge.example PING Statistics----
3 packets transmitted, 2 packets received, 33% packet loss
round-trip (ms)  min/avg/max/stddev = 0.345/0.4/0.5/0.1
`, delays: "0.345 - 0.5", asked: "edge.example"},
	{name: "HP-UX", format: "ping", output: `PING 192.0.2.10: 64 byte packets
64 bytes from 192.0.2.10: icmp_seq=0. time=0. ms
64 bytes from 192.0.2.10: icmp_seq=1. time=12. ms

----192.0.2.10 PING Statistics----
2 packets transmitted, 2 packets received, 0% packet loss
round-trip (ms)  min/avg/max = 0/6/12
`, delays: "0 12", notes: []string{"1 probe took 0 ms: this ping counts whole milliseconds"}},
	{name: "French, with its blanks", format: "ping", output: "PING 192.0.2.10 (192.0.2.10) 56(84) octets de données.\n64 octets de 192.0.2.10\u00a0: icmp_seq=1 ttl=64 temps=0.345\u00a0ms\n\n--- statistiques ping 192.0.2.10 ---\n2 paquets transmis, 1 reçus, 50\u00a0% paquets perdus, temps 1001\u00a0ms\n", delays: "0.345 -", notes: []string{"1 probe at the end"}},
	{name: "colours", format: "ping", output: "PING 192.0.2.10 (192.0.2.10) 56(84) bytes of data.\n64 bytes from \x1b[1;32m192.0.2.10\x1b[0m: icmp_seq=1 ttl=64 time=\x1b[31m0.345\x1b[0m ms\n\n1 packets transmitted, 1 received, 0% packet loss, time 0ms\n", delays: "0.345"},
	{name: "PowerShell", format: "ping", output: "   Destination: 192.0.2.10\n\nPing Source           Address                   Latency BufferSize Status\n                                                   (ms)        (B)\n---- ------           -------                   ------- ---------- ------\n   1 here             192.0.2.10                     12         32 Success\n", refused: "PowerShell's Test-Connection"},
	{name: "beyond all bounds", format: "ping", output: linux + two + "\n9000000000000000000 packets transmitted, 2 received, 99% packet loss\n", refused: "9000000000000000000 probes, and one sample takes 80000"},
	{name: "Georgian, blanks before the signs", format: "ping", output: `PING 192.0.2.10 (192.0.2.10) 56 (84) ბაიტი მონაცემები.
64 ბაიტი 192.0.2.10-დან: icmp_seq=1 ttl =64 დრო = 283 მწმ
64 ბაიტი 192.0.2.10-დან: icmp_seq=2 ttl =64 დრო=0.391 მწმ

--- 192.0.2.10-ის პინგის სტატისტიკა ----
გადაცემულია 2 პაკეტი, მიღებულია 2, 0% პაკეტი დაიკარგა, დრო 1001მწმ
rtt მინ/საშ/მაქს/mdev = 0.391/141.6/283/141.3 მწმ
`, delays: "283 0.391"},
	{name: "Japanese, as iputils has it", format: "ping", output: `PING 192.0.2.10 (192.0.2.10) 56(84) バイトのデータ
icmp_seq=1 が未応答です
64 バイト応答 送信元 192.0.2.10: icmp_seq=2 ttl=64 時間=0.345ミリ秒
64 バイト応答 送信元 192.0.2.10: icmp_seq=2 ttl=64 時間=283 ミリ秒 (重複!)
64 バイト応答 送信元 192.0.2.10: icmp_seq=3 ttl=64 時間=0.345ミリ秒 (チェックサム異常!)

--- 192.0.2.10 ping 統計 ---
送信パケット数 3, 受信パケット数 1, +1 重複, +1 破損, パケット損失 66.6667%, 時間 2003ミリ秒
`, delays: "- 0.345 -", duplicates: 1, notes: []string{"1 probe at the end"}},
	{name: "Japanese, truncated", format: "ping", output: "PING 192.0.2.10 (192.0.2.10) 1472(1500) バイトのデータ\n76 バイト応答 送信元 192.0.2.10: icmp_seq=1 ttl=57 (切り詰められました)\n\n送信パケット数 1, 受信パケット数 1, パケット損失 0%, 時間 0ミリ秒\n", refused: "1 answer has no time, as it came back shorter"},
	{name: "another address", format: "ping", output: linux + "64 bytes from 192.0.2.11: icmp_seq=1 ttl=64 time=1.5 ms (DIFFERENT ADDRESS!)\n\n1 packets transmitted, 1 received, 0% packet loss, time 0ms\n", delays: "1.5"},
	{name: "FreeBSD, out of wait time", format: "ping", output: "PING 192.0.2.10 (192.0.2.10): 56 data bytes\n64 bytes from 192.0.2.10: icmp_seq=0 ttl=64 time=1.5 ms\n\n--- 192.0.2.10 ping statistics ---\n2 packets transmitted, 2 packets received, 0.0% packet loss, 1 packets out of wait time\n", delays: "1.5 -", notes: []string{"1 probe at the end", "1 answer came after the time-out (-W)"}},
	{name: "more answers than probes", format: "ping", output: "PING 192.0.2.255 (192.0.2.255): 56 data bytes\n64 bytes from 192.0.2.10: icmp_seq=0 ttl=64 time=1.5 ms\n\n1 packets transmitted, 2 packets received, -- somebody's printing up packets!\n", refused: "more answers than probes, 2 to 1, and 1 can be read"},
	{name: "quiet and adaptive", format: "ping", output: linux + "\n2 packets transmitted, 2 received, 0% packet loss, time 3ms\nrtt min/avg/max/mdev = 0.012/0.033/0.041/0.010 ms, ipg/ewma 1.067/1.035 ms\n", refused: "(ping -q)"},
	{name: "JSON", format: "ping", output: `{"seq":1,"rtt":0.3}`, refused: "if it is that of ping -j, run ping without"},
}
