"""Channels that are reached by one HTTP request: Slack, Matrix, signed webhooks."""

from bot.adapters.channel_http.channels import Matrix, Slack, Webhook
from bot.adapters.channel_http.guard import look

__all__ = ["Matrix", "Slack", "Webhook", "look"]
