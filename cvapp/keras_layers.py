"""Import this, and `keras.models.load_model` opens every `model.keras` that cvapp saves.

```python
import cvapp.keras_layers
import keras

model = keras.models.load_model("saved_models/vit/model.keras")
```
"""

from cvapp.models.registered import CLASSES

__all__ = ["CLASSES"]
