"""Alerts: rules look at what monitoring knows, channels carry what they find to people.

    facts ──► findings (conditions, pure) ──► Alert: pending → firing → over ──► Delivery, grouped ──► webhook, e-mail

Every two seconds a task compares what the rules find with the alerts that are open (``evaluating``), and another sends
what is due (``sending``). Both may run anywhere, twice, and at any time: what is to be done stands in the rows.
"""
