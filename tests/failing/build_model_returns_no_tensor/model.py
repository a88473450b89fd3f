from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 3)

    def forward(self, x):
        scores = self.head(x.flatten(1))
        return {"scores": scores, "best": int(scores[0].argmax())}


def build():
    return Net()
