import type { Topic } from "./topic.ts";

export const topics: Topic[] = [
  { id: "day", title: "Der Terminkalender", text: `
Der Kalender zeigt die Termine des Tages, je Behandler eine Spalte. Tippen Sie auf einen Termin, um ihn zu öffnen.

- Mit den Pfeilen oben gehen Sie einen Tag oder eine Woche weiter, „Heute“ führt zurück.
- Neue Buchungen erscheinen von selbst. Sie müssen die Seite nicht neu laden.
- Ein Punkt am Termin heißt: Diese Buchung hat noch niemand in der Praxis gesehen.

Namen sehen Sie nur, solange der Kalender entsperrt ist.` },
  { id: "lock", title: "Sperren und entsperren", text: `
Die Daten Ihrer Patienten sind versiegelt. Ihr Passwort öffnet sie auf diesem Gerät.

- „Sperren“ nimmt alle Namen vom Bildschirm und lässt die Zeiten stehen. Sie bleiben angemeldet.
- Nach einer Weile ohne Eingabe sperrt sich der Kalender von selbst. Die Zeit steht oben am Schloss.
- „Abmelden“ beendet die Sitzung ganz.

Wer das Passwort vergessen hat, braucht den Notfallcode oder eine zweite Person mit Zugang. Niemand sonst kann die Daten öffnen, auch wir nicht.` },
  { id: "inbox", title: "Neue Buchungen und Anfragen", text: `
Hier steht, was neu ist, und was auf Ihre Antwort wartet.

- „Annehmen“ macht aus einer Anfrage einen Termin.
- „Ablehnen“ gibt die Zeit sofort wieder frei.

Der Patient bekommt in beiden Fällen eine Nachricht, wenn er eine Adresse angegeben hat.` },
  { id: "absence", title: "Jemand fällt aus", text: `
Wählen Sie die Person und die Zeit. Siegel zeigt alle betroffenen Termine.

- Neue Buchungen sind in dieser Zeit sofort nicht mehr möglich.
- Die betroffenen Termine sagen oder verschieben Sie einzeln oder zusammen.
- Wer keine Nachricht bekommen konnte, steht mit Telefonnummer in der Liste.` },
  { id: "figures", title: "Auswertung", text: `
Die Auswertung zählt Termine: wie viele gebucht, abgesagt und nicht wahrgenommen wurden. Sie entsteht auf Ihrem Gerät. Siegel kennt die Namen nicht und rechnet nichts über Personen aus.` },
  { id: "first", title: "Erste Schritte", text: `
Die Liste führt Sie von der leeren Praxis zum ersten buchbaren Termin. Jeder Punkt führt zu seiner Seite und wird von selbst abgehakt.

Öffentlich buchbar wird die Praxis erst, wenn Vertrag, Impressum, Telefonnummer und Schlüssel da sind.` },
  { id: "people", title: "Personen und Schlüssel", text: `
Hier laden Sie Mitarbeiter ein und vergeben Rollen.

- Inhaber dürfen alles einrichten und sehen das Protokoll.
- Behandler und Empfang arbeiten mit dem Kalender. Der Empfang trägt auch Abwesenheiten ein.
- Abrechnung sieht keine Namen.
- Den Support lassen Sie für eine bestimmte Zeit herein. Er sieht nur, wie die Praxis eingerichtet ist.

Wer geht, verliert den Zugang in einer Sekunde. Den Notfallcode bewahren Sie auf Papier auf, am besten im Tresor.` },
  { id: "windows", title: "Sprechzeiten", text: `
Eine Sprechzeit sagt, an welchen Tagen, wann, bei wem und wofür gebucht werden kann.

- Sprechzeiten können für bestimmte Versicherungen oder nur für neue Patienten gelten.
- Rechts sehen Sie für jede Viertelstunde, ob und warum sie buchbar ist.

Lägen vereinbarte Termine danach außerhalb der Sprechzeiten, fragt Siegel vorher nach.` },
  { id: "closures", title: "Abwesenheit und Urlaub", text: `
Eine Abwesenheit schließt die Praxis, einen Standort oder eine Person für eine Zeit. Ein Text und eine Vertretung erscheinen auf der Buchungsseite.

Vereinbarte Termine bleiben stehen, bis Sie sie verschieben oder absagen.` },
  { id: "services", title: "Terminarten", text: `
Eine Terminart sagt, was gebucht wird, wie lange es dauert und wer es macht.

- Pufferzeiten vor und nach dem Termin sieht der Patient nicht.
- Mit „Bestätigung durch die Praxis“ wird aus der Buchung zuerst eine Anfrage.

Siegel speichert nicht, welche Terminart jemand gebucht hat: Auch das ist versiegelt.` },
  { id: "quotas", title: "Kontingente", text: `
Ein Kontingent begrenzt, wie viele Termine einer Art es am Tag oder in der Woche gibt, zum Beispiel vier Neupatienten am Tag.` },
  { id: "chains", title: "Terminketten", text: `
Eine Terminkette bucht mehrere Termine hintereinander, zum Beispiel Untersuchung und danach Gespräch. Nur wenn alle passen, wird gebucht.` },
  { id: "places", title: "Standorte, Behandler und Räume", text: `
Hier legen Sie an, wo gearbeitet wird und wer behandelt. Räume und Geräte werden mitbelegt, wenn eine Terminart sie braucht. Wege zwischen Standorten hält Siegel frei.` },
  { id: "calendars", title: "Kalender einspielen", text: `
Sie können Schulferien und belegte Zeiten aus einem anderen Kalender einspielen (ICS). Von belegten Zeiten behält Siegel nur Anfang und Ende, nie die Betreffzeile.` },
  { id: "practice", title: "Praxisdaten", text: `
Name, Kontakt, Impressum und was auf der Buchungsseite gefragt wird. Was Sie hier ändern, sehen Patienten sofort.` },
  { id: "connector", title: "Praxissysteme und Connector", text: `
Der Connector ist ein kleines Programm auf einem Rechner Ihrer Praxis. Er öffnet Buchungen dort und gibt sie weiter: an Praxissoftware (GDT), Kalender (ICS), Listen (CSV) und andere.

- Koppeln: „Connector koppeln“ zeigt einen Code. Ihn tippen Sie auf dem Rechner der Praxis ein, dann vergleichen Sie sechs Wörter.
- GDT kennt keinen Termin. Was ankommt, ist ein Patient mit einer Notiz in der Akte. Was Sie selbst in Ihren Kalender eintragen müssen, steht auf der Seite des Connectors unter „Noch zu übertragen“.
- Beenden: Sein Zugang endet sofort, und neue Schlüssel beginnen.

Zwei Betriebsarten: Im Praxisbuch zeigt das Büro Namen. Bei Weiterleitung liegen Namen nur in Ihren eigenen Systemen; was dann wo geht, steht als Tabelle auf der Seite. Der Wechsel verliert in keiner Richtung eine Buchung.

Kann nichts in Ihren Kalender schreiben, gibt es zwei ehrliche Wege: Siegel führt den Kalender, oder Sie halten dort feste Zeiten frei, die nur hier gebucht werden.` },
  { id: "systems", title: "Andere Systeme", text: `
Zwei Wege, auf denen Programme außerhalb der Praxis etwas erfahren, ohne je einen Namen zu sehen.

- Meldungen (Webhooks): Siegel ruft eine Adresse auf, sobald ein Termin gebucht, verschoben oder abgesagt wird. Die Meldung hat Kennungen und Zeiten. Das Geheimnis zeigt Siegel nur einmal; „Geheimnis erneuern“ lässt das alte noch einen Tag gelten.
- Kommt nichts an, versucht Siegel es etwa drei Tage lang. Danach wird die Adresse ausgeschaltet, und Sie sehen es hier. Unter „Meldungen“ steht, was wann gesendet wurde, und Sie können es noch einmal senden.
- Belegte Zeiten als Kalender: eine geheime Adresse je Behandler für Kalenderprogramme. Dort steht nur „Belegt“. „Beenden“ wirkt sofort.

Mit Namen gibt es den Kalender nur in der Praxis selbst, über den Connector.` },
  { id: "carriers", title: "Nachrichtendienste", text: `
Hier steht, wer Ihre SMS befördert, und wer es künftig tun soll.

- Ein neuer Dienst wird vorher angekündigt. Bis zum genannten Tag können Sie widersprechen.
- Sitzt ein Dienst außerhalb der EU, befördert er für Sie nur, wenn Sie zustimmen.

E-Mails gehen nicht über diese Dienste.` },
  { id: "hosts", title: "Eigene Adressen", text: `
Ihre Praxis hat eine Adresse von uns. Sie können eigene hinzufügen, zum Beispiel termine.ihre-praxis.de.

- Eine eigene Adresse gilt, sobald der gezeigte TXT-Eintrag bei Ihrem Domainanbieter steht. „Jetzt prüfen“ sieht nach.
- „Patienten nennen“ bestimmt, welche Adresse in Nachrichten steht.
- Wir prüfen täglich. Fehlt der Nachweis, bekommen die Inhaber eine E-Mail; sieben Tage später gilt die Adresse nicht mehr.` },
  { id: "contract", title: "Vertrag und Daten", text: `
Hier steht, welche Fassung von Nutzungsbedingungen und Auftragsverarbeitung gilt und wer sie wann angenommen hat.

- „Alles ausgeben“ packt alle Daten der Praxis in eine Datei. Versiegeltes bleibt versiegelt.
- Kündigen können Sie zu jedem Tag. Danach bleiben 30 Tage, um die Daten mitzunehmen; dann wird alles gelöscht, und die Inhaber bekommen eine Bescheinigung.` },
  { id: "audit", title: "Protokoll", text: `
Das Protokoll sagt, wer wann was getan hat: Anmeldungen, Änderungen an der Einrichtung, jeder Schritt eines Termins. Namen von Patienten stehen nie darin.

- Einträge werden jede Minute zu Blöcken verkettet. „Verkettung prüfen“ findet, wenn etwas geändert oder gelöscht wurde.
- Ausgeben können Sie es als Tabelle oder JSON.

Darunter stehen Zugangsschlüssel für Programme. Geben Sie jedem Programm einen eigenen und nur das, was es braucht.` },
  { id: "account", title: "Mein Konto", text: `
Passwort, zweiter Faktor, Passkeys und die Geräte, auf denen Sie angemeldet sind. Beenden Sie Sitzungen, die Sie nicht kennen, und ändern Sie dann das Passwort.` },
];
