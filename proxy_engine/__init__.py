"""The data plane: an asyncio HTTP gateway that follows a configuration source. Knows nothing of Django."""
