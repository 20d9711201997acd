"""The end of old history. What is open or on its way stays, whatever its age."""

from datetime import datetime

from .models import Alert, AlertDelivery, AlertSilence


def prune(*, before: datetime) -> None:
    Alert.objects.filter(resolved_at__lt=before).delete()
    AlertDelivery.objects.filter(created_at__lt=before).exclude(state=AlertDelivery.State.WAITING).delete()
    AlertSilence.objects.filter(until__lt=before).delete()
