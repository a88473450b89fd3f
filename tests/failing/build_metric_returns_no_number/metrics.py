def score(outputs, targets):
    return {"accuracy": float((outputs.argmax(1) == targets).mean())}
