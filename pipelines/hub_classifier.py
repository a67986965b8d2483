"""A new head on a frozen hub module: the pipeline for a few hundred photos, and the default.

Feature extraction as in the classic transfer-learning recipe: a pretrained network answers features, a linear layer on top learns the
classes. The features are computed once, so an epoch takes a tenth of a second.

    cvapp train --data photos --name mine
    cvapp train hub_classifier --data photos --name mine --set model.handle=https://www.kaggle.com/models/...
"""

from cvapp.recipe import Recipe

RECIPE = Recipe()
