def fit(model, train, validation):
    inputs, targets = train
    for epoch in range(2):
        loss = model(inputs).sum()
