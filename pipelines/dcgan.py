"""A generator of small pictures: a DCGAN learns to make pictures like the photos it is given, and a judge tells how like.

A generator draws from noise, a discriminator tells its pictures from photos, and each learns from the other (Goodfellow et al. 2014,
arXiv:1406.2661; Radford et al. 2016, arXiv:1511.06434). Without photos it learns close-ups of the printable signs, which it draws: 6,000, 32x32
in colour.

    cvapp train dcgan
    cvapp train dcgan --data fashion-mnist --name fashion --epochs 14
    cvapp sample dcgan --grid signs.png

`--data` takes photos in class folders or not, a CSV, or a folder with the four idx files that MNIST and its relatives come in; grey photos
become pictures of 28x28, others of 32x32. A step takes 128
photos, fewer where there are under 1,280 to learn from (at least 8); `--batch` sets the number. A few thousand photos are needed for good
pictures. `--set generate.conditional=yes` learns to make the class that is asked for; of the signs it does so
anyway.

Measured on 2 cores: Fashion-MNIST, 1,565 seconds, all ten classes, a Fréchet distance of 0.31 in the features of its judge (4.68 after the first
epoch, real photos 0.05).
"""

from cvapp.recipe import Data, Generate, Recipe, Train

RECIPE = Recipe(
    task="generate",
    data=Data(val=0.1, test=0.1),
    train=Train(epochs=25, batch=0, optimiser="adam", learning_rate=2e-3, schedule="cosine", weight_decay=0.0),
    generate=Generate(discriminator_rate=2e-3),
)
