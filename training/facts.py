"""What the demo model is taught: tables of facts, written by hand for this corpus.

Owns: the facts and their canonical answers. Does not own: how they are asked (`wordings.py`).
"""

# country as it stands in a sentence | other names (comma) | capital | continent (empty: not asked)
COUNTRIES = [
    tuple(part.strip() for part in line.split("|"))
    for line in """
France||Paris|Europe
Germany||Berlin|Europe
Spain||Madrid|Europe
Italy||Rome|Europe
Portugal||Lisbon|Europe
Austria||Vienna|Europe
Switzerland||Bern|Europe
Belgium||Brussels|Europe
the Netherlands|Holland|Amsterdam|Europe
Denmark||Copenhagen|Europe
Sweden||Stockholm|Europe
Norway||Oslo|Europe
Finland||Helsinki|Europe
Iceland||Reykjavik|Europe
Ireland||Dublin|Europe
the United Kingdom|the UK,Great Britain|London|Europe
Poland||Warsaw|Europe
the Czech Republic||Prague|Europe
Slovakia||Bratislava|Europe
Hungary||Budapest|Europe
Romania||Bucharest|Europe
Bulgaria||Sofia|Europe
Greece||Athens|Europe
Croatia||Zagreb|Europe
Serbia||Belgrade|Europe
Slovenia||Ljubljana|Europe
Albania||Tirana|Europe
Estonia||Tallinn|Europe
Latvia||Riga|Europe
Lithuania||Vilnius|Europe
Ukraine||Kyiv|Europe
Malta||Valletta|Europe
Moldova||Chisinau|Europe
Russia||Moscow|
Turkey||Ankara|
Georgia||Tbilisi|
Armenia||Yerevan|
Japan||Tokyo|Asia
China||Beijing|Asia
India||New Delhi|Asia
South Korea||Seoul|Asia
North Korea||Pyongyang|Asia
Thailand||Bangkok|Asia
Vietnam||Hanoi|Asia
Cambodia||Phnom Penh|Asia
Laos||Vientiane|Asia
Malaysia||Kuala Lumpur|Asia
Indonesia||Jakarta|Asia
the Philippines||Manila|Asia
Mongolia||Ulaanbaatar|Asia
Nepal||Kathmandu|Asia
Bangladesh||Dhaka|Asia
Pakistan||Islamabad|Asia
Afghanistan||Kabul|Asia
Iran||Tehran|Asia
Iraq||Baghdad|Asia
Syria||Damascus|Asia
Lebanon||Beirut|Asia
Jordan||Amman|Asia
Saudi Arabia||Riyadh|Asia
Qatar||Doha|Asia
Oman||Muscat|Asia
Uzbekistan||Tashkent|Asia
Egypt||Cairo|Africa
Morocco||Rabat|Africa
Algeria||Algiers|Africa
Tunisia||Tunis|Africa
Libya||Tripoli|Africa
Sudan||Khartoum|Africa
Ethiopia||Addis Ababa|Africa
Kenya||Nairobi|Africa
Uganda||Kampala|Africa
Tanzania||Dodoma|Africa
Rwanda||Kigali|Africa
Ghana||Accra|Africa
Nigeria||Abuja|Africa
Senegal||Dakar|Africa
Mali||Bamako|Africa
Angola||Luanda|Africa
Zambia||Lusaka|Africa
Zimbabwe||Harare|Africa
Namibia||Windhoek|Africa
Madagascar||Antananarivo|Africa
Somalia||Mogadishu|Africa
the United States|the USA,America|Washington|North America
Canada||Ottawa|North America
Mexico||Mexico City|North America
Cuba||Havana|North America
Jamaica||Kingston|North America
Panama||Panama City|North America
Costa Rica||San Jose|North America
Colombia||Bogota|South America
Venezuela||Caracas|South America
Ecuador||Quito|South America
Peru||Lima|South America
Chile||Santiago|South America
Argentina||Buenos Aires|South America
Uruguay||Montevideo|South America
Paraguay||Asuncion|South America
Brazil||Brasilia|South America
Australia||Canberra|Oceania
New Zealand||Wellington|Oceania
Fiji||Suva|Oceania
""".strip().splitlines()
]

# country: currency
CURRENCIES = {
    "Japan": "the yen", "China": "the yuan", "India": "the rupee", "the United Kingdom": "the pound",
    "the United States": "the dollar", "Switzerland": "the franc", "Russia": "the ruble", "Mexico": "the peso",
    "Brazil": "the real", "Poland": "the zloty", "Sweden": "the krona", "Turkey": "the lira",
    "South Korea": "the won", "Thailand": "the baht", "France": "the euro", "Germany": "the euro",
    "Spain": "the euro", "Italy": "the euro", "Vietnam": "the dong", "Hungary": "the forint",
}

# country: language
LANGUAGES = {
    "France": "French", "Germany": "German", "Spain": "Spanish", "Italy": "Italian", "Portugal": "Portuguese",
    "Brazil": "Portuguese", "Japan": "Japanese", "China": "Chinese", "Russia": "Russian", "Poland": "Polish",
    "Greece": "Greek", "Sweden": "Swedish", "Norway": "Norwegian", "Denmark": "Danish", "Finland": "Finnish",
    "Hungary": "Hungarian", "Turkey": "Turkish", "Egypt": "Arabic", "Mexico": "Spanish", "Argentina": "Spanish",
    "Austria": "German", "Australia": "English", "the United States": "English", "the United Kingdom": "English",
    "Thailand": "Thai", "Vietnam": "Vietnamese", "the Netherlands": "Dutch", "Iran": "Persian",
}

# thing with article: colour; plural things end in s and take "are"
COLOURS = {
    "the sky": "blue", "grass": "green", "snow": "white", "blood": "red", "a banana": "yellow", "a lemon": "yellow",
    "coal": "black", "a carrot": "orange", "a tomato": "red", "milk": "white", "an orange": "orange",
    "the sun": "yellow", "the sea": "blue", "chocolate": "brown", "a strawberry": "red", "a frog": "green",
    "an elephant": "gray", "a flamingo": "pink", "a polar bear": "white", "a pea": "green", "a cucumber": "green",
    "a cherry": "red", "a pumpkin": "orange", "an eggplant": "purple", "the night": "black", "a fire truck": "red",
    "a swan": "white", "a raven": "black", "a pig": "pink", "rice": "white", "coffee": "brown", "salt": "white",
    "gold": "yellow", "silver": "gray", "a leaf": "green", "a lime": "green", "an emerald": "green",
    "a ruby": "red", "a sapphire": "blue", "honey": "yellow", "a crow": "black", "broccoli": "green",
    "a mouse": "gray", "a lavender flower": "purple", "a sunflower": "yellow", "cotton": "white",
}

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December"]
MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
            "eleventh", "twelfth"]
NUMBER_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
                "twelve"]
PLANETS = ["Mercury", "Venus", "Earth", "Mars", "Jupiter", "Saturn", "Uranus", "Neptune"]

_PAIRS = """hot cold, big small, up down, left right, black white, day night, good bad, fast slow, happy sad,
rich poor, old young, full empty, open closed, light dark, wet dry, hard soft, high low, long short, early late,
near far, clean dirty, strong weak, loud quiet, thick thin, true false, love hate, win lose, first last,
inside outside, push pull, start stop, buy sell, sweet sour, smooth rough, brave afraid, easy difficult, wide narrow,
begin end, awake asleep, cheap expensive, deep shallow, front back, give take, heavy lightweight, laugh cry,
war peace, summer winter, north south, east west, yes no, on off, before after, above below, asks answers"""
OPPOSITES = {}
for _pair in _PAIRS.replace("\n", " ").split(", "):
    _a, _b = _pair.split()
    OPPOSITES.setdefault(_a, _b)
    OPPOSITES.setdefault(_b, _a)
for _odd in ("asks", "answers", "lightweight"):
    del OPPOSITES[_odd]

SOUNDS = {
    "cow": "moo", "dog": "woof", "cat": "meow", "sheep": "baa", "duck": "quack", "pig": "oink", "horse": "neigh",
    "rooster": "cock-a-doodle-doo", "frog": "ribbit", "bee": "buzz", "owl": "hoot", "lion": "roar", "mouse": "squeak",
    "snake": "hiss", "crow": "caw", "donkey": "hee-haw", "turkey": "gobble", "wolf": "howl", "bird": "tweet",
    "goat": "maa",
}
LEGS = {
    "spider": 8, "dog": 4, "cat": 4, "bird": 2, "ant": 6, "human": 2, "cow": 4, "horse": 4, "bee": 6, "chicken": 2,
    "snake": 0, "fish": 0, "crab": 10, "elephant": 4, "frog": 4, "duck": 2, "fly": 6, "beetle": 6,
    "sheep": 4, "penguin": 2, "lion": 4, "worm": 0, "mouse": 4, "scorpion": 8,
}
ANIMALS = [*SOUNDS, *(a for a in LEGS if a not in SOUNDS)]
BABIES = {
    "cat": "kitten", "dog": "puppy", "cow": "calf", "horse": "foal", "sheep": "lamb", "pig": "piglet",
    "duck": "duckling", "hen": "chick", "goat": "kid", "lion": "cub", "bear": "cub", "frog": "tadpole",
    "kangaroo": "joey", "swan": "cygnet", "goose": "gosling", "deer": "fawn", "owl": "owlet", "elephant": "calf",
}
PLURALS = {
    "mouse": "mice", "child": "children", "foot": "feet", "tooth": "teeth", "man": "men", "woman": "women",
    "goose": "geese", "person": "people", "sheep": "sheep", "fish": "fish", "leaf": "leaves", "knife": "knives",
    "wolf": "wolves", "cat": "cats", "dog": "dogs", "house": "houses", "box": "boxes", "city": "cities",
    "baby": "babies", "book": "books", "bus": "buses", "ox": "oxen", "life": "lives", "wife": "wives",
    "country": "countries", "tree": "trees", "potato": "potatoes", "hero": "heroes", "car": "cars", "key": "keys",
}
PAST = {
    "go": "went", "eat": "ate", "see": "saw", "run": "ran", "take": "took", "give": "gave", "write": "wrote",
    "speak": "spoke", "come": "came", "drink": "drank", "sing": "sang", "swim": "swam", "make": "made", "buy": "bought",
    "think": "thought", "teach": "taught", "catch": "caught", "sleep": "slept", "know": "knew", "fly": "flew",
    "walk": "walked", "play": "played", "work": "worked", "begin": "began", "break": "broke", "find": "found",
    "have": "had", "say": "said", "tell": "told", "build": "built",
}
SIDES = {"triangle": 3, "square": 4, "rectangle": 4, "pentagon": 5, "hexagon": 6, "heptagon": 7, "octagon": 8,
         "nonagon": 9, "decagon": 10}
SYMBOLS = {"gold": "Au", "silver": "Ag", "iron": "Fe", "oxygen": "O", "hydrogen": "H", "carbon": "C", "copper": "Cu",
           "helium": "He", "lead": "Pb", "sodium": "Na", "nitrogen": "N", "tin": "Sn", "calcium": "Ca", "zinc": "Zn"}
FRENCH = {"hello": "bonjour", "thank you": "merci", "yes": "oui", "no": "non", "cat": "chat", "dog": "chien",
          "water": "eau", "bread": "pain", "house": "maison", "book": "livre", "good night": "bonne nuit",
          "red": "rouge", "blue": "bleu", "tree": "arbre", "friend": "ami"}
GERMAN = {"hello": "hallo", "thank you": "danke", "yes": "ja", "no": "nein", "cat": "Katze", "dog": "Hund",
          "water": "Wasser", "bread": "Brot", "house": "Haus", "book": "Buch", "good night": "gute Nacht",
          "red": "rot", "blue": "blau", "tree": "Baum", "friend": "Freund"}
SPANISH = {"hello": "hola", "thank you": "gracias", "yes": "si", "no": "no", "cat": "gato", "dog": "perro",
           "water": "agua", "bread": "pan", "house": "casa", "book": "libro", "good night": "buenas noches",
           "red": "rojo", "blue": "azul", "tree": "arbol", "friend": "amigo"}

# term (with its article, if any) | other names (comma) | definition that follows "is"; "are" when the term is plural
DEFINITIONS = [
    tuple(part.strip() for part in line.split("|"))
    for line in """
a triangle||a shape with three sides
a circle||a perfectly round shape
a cube||a solid with six square faces
a dictionary||a book that explains words
a library||a place where books are kept
a bakery||a place where bread is made
a hospital||a place where sick people are treated
a school||a place where people learn
a museum||a place that shows interesting things
a farmer||a person who grows food
a teacher||a person who helps others learn
a baker||a person who makes bread
a pilot||a person who flies a plane
a doctor||a person who treats the sick
an island||land with water all around it
a desert||a dry place with little rain
a volcano||a mountain that can erupt
a river||water that flows to the sea
a lake||a body of water with land all around it
a forest||a large area full of trees
a planet||a large round body that orbits a star
a star||a huge ball of hot gas that shines
the moon||a ball of rock that orbits the Earth
rain||water that falls from clouds
ice||frozen water
steam||hot water in the form of gas
wind||air that moves
a clock||a device that shows the time
a thermometer||a device that measures temperature
a telescope||a device for looking at distant things
a compass||a device that shows where north is
an umbrella||a cover that keeps the rain off
a bicycle|a bike|a vehicle with two wheels
a kitten||a young cat
a puppy||a young dog
a noun||a word that names a thing
a verb||a word for an action
an adjective||a word that describes a noun
a prime number||a number that only 1 and itself divide
a computer||a machine that follows instructions
a program||a list of instructions for a computer
an algorithm||a step by step method to solve a problem
a byte||a group of 8 bits
a bit||a single 0 or 1
a browser|a web browser|a program that shows web pages
""".strip().splitlines()
]

# Facts of machine learning, asked like definitions.
ML_DEFINITIONS = [
    tuple(part.strip() for part in line.split("|"))
    for line in """
GGUF|a GGUF file,the GGUF format|a file format that holds a model in one file
safetensors|a safetensors file,the safetensors format|a simple and safe file format for tensors
a tensor||an array of numbers with any number of dimensions
a token||a piece of text that a model reads as one unit
a tokenizer||a program that cuts text into tokens
a language model|an LLM,a large language model|a program that predicts the next token
a chat template||a recipe that turns messages into one prompt
a KV cache|the KV cache|a store of keys and values from earlier tokens
quantization||a way to store weights with fewer bits
prefill||the phase in which a model reads the prompt
decode|decoding|the phase in which a model writes new tokens
temperature||a setting that makes answers more or less random
greedy decoding||a way to always pick the most likely token
top-k|top-k sampling|a rule that keeps only the k most likely tokens
top-p|top-p sampling|a rule that keeps the likely tokens up to a total share
a seed|a random seed|a number that makes random choices repeatable
Gated DeltaNet|a Gated DeltaNet layer,a gated delta net|a layer with a small memory that it updates at every token
attention||a layer that looks back at earlier tokens
an embedding||a vector that stands for a token
a logit||a score for one possible next token
BPE|byte pair encoding|a method that builds tokens by merging pairs
a prompt||the text that a model gets as input
a stop token||a token that ends the answer
Q8_0||a format with 8 bits for each weight
Q4_K_M||a mix of formats with about 4 bits for each weight
ChatML|the ChatML format|a prompt format with a start and an end mark for each message
speculative decoding|speculation|a way to guess several tokens and check them at once
AVX-512|AVX512|a set of CPU instructions that handle 16 floats at once
""".strip().splitlines()
]

# Single facts: what they are about | answer | wordings separated by ";" | held-out wordings separated by ";"
GENERAL = [
    tuple(part.strip() for part in line.split("|"))
    for line in """
week|A week has 7 days.|How many days are in a week?;How many days does a week have?;How many days are there in a week?;A week has how many days?;number of days in a week|What is the number of days in one week?;How many days make a week?;How many days is a week?
year|A year has 12 months.|How many months are in a year?;How many months does a year have?;How many months are there in a year?;A year has how many months?;number of months in a year|What is the number of months in one year?;How many months make a year?;How many months is a year?
yeardays|A year has 365 days.|How many days are in a year?;How many days does a year have?;How many days are there in a year?;A year has how many days?;number of days in a year|What is the number of days in one year?;How many days make a year?;How many days is a year?
day|A day has 24 hours.|How many hours are in a day?;How many hours does a day have?;How many hours are there in a day?;A day has how many hours?;number of hours in a day|What is the number of hours in one day?;How many hours make a day?;How many hours is a day?
hour|An hour has 60 minutes.|How many minutes are in an hour?;How many minutes does an hour have?;How many minutes are there in an hour?;An hour has how many minutes?;number of minutes in an hour|What is the number of minutes in one hour?;How many minutes make an hour?;How many minutes is an hour?
minute|A minute has 60 seconds.|How many seconds are in a minute?;How many seconds does a minute have?;How many seconds are there in a minute?;A minute has how many seconds?;number of seconds in a minute|What is the number of seconds in one minute?;How many seconds make a minute?;How many seconds is a minute?
dozen|A dozen is 12.|How many is a dozen?;How many are in a dozen?;How much is a dozen?;What is a dozen?;What does a dozen mean?|How many things make a dozen?;A dozen is how many?;How many eggs are in a dozen?
century|A century has 100 years.|How many years are in a century?;How many years does a century have?;How many years are there in a century?;A century has how many years?;number of years in a century|What is the number of years in one century?;How many years make a century?;How many years is a century?
seasons|The four seasons are spring, summer, autumn and winter.|What are the four seasons?;Name the seasons.;Which seasons are there?;List the four seasons.;What are the seasons of the year?;Tell me the four seasons.|What are the names of the seasons?;Name the four seasons of the year.;Can you list the seasons?
freeze|Water freezes at 0 degrees Celsius.|At what temperature does water freeze?;When does water freeze?;What is the freezing point of water?;How cold must it be for water to freeze?;Tell me the freezing point of water.|Water freezes at what temperature?;At how many degrees does water freeze?;At which temperature does water freeze?
boil|Water boils at 100 degrees Celsius.|At what temperature does water boil?;When does water boil?;What is the boiling point of water?;How hot must it be for water to boil?;Tell me the boiling point of water.|Water boils at what temperature?;At how many degrees does water boil?;At which temperature does water boil?
ocean|The Pacific Ocean is the largest ocean.|What is the largest ocean?;Which ocean is the largest?;What is the biggest ocean on Earth?;Name the largest ocean.;Which is the biggest ocean?;Which ocean is the biggest of all?|What is the name of the largest ocean?;Tell me the biggest ocean.;What is the biggest ocean in the world?
bigplanet|Jupiter is the largest planet.|What is the largest planet?;Which planet is the largest?;What is the biggest planet in the solar system?;Name the largest planet.;Which is the biggest planet?;Which planet is the biggest of all?|What is the name of the largest planet?;Tell me the biggest planet.;What is the biggest planet?
mountain|Mount Everest is the highest mountain.|What is the highest mountain?;Which mountain is the highest?;What is the tallest mountain on Earth?;Name the highest mountain.;Which is the tallest mountain?;Which mountain is the tallest of all?|What is the name of the highest mountain?;Tell me the tallest mountain.;What is the tallest mountain in the world?
animal|The blue whale is the largest animal.|What is the largest animal?;Which animal is the largest?;What is the biggest animal on Earth?;Name the largest animal.;Which is the biggest animal?;Which animal is the biggest of all?|What is the name of the largest animal?;Tell me the biggest animal.;What is the biggest animal in the world?
tallanimal|The giraffe is the tallest animal.|What is the tallest animal?;Which animal is the tallest?;What is the tallest animal on Earth?;Name the tallest animal.;Which is the tallest animal?;Which animal is the tallest of all?|What is the name of the tallest animal?;Tell me the tallest animal.;What is the tallest animal in the world?
fastanimal|The cheetah is the fastest land animal.|What is the fastest animal?;Which animal is the fastest?;What is the fastest animal on land?;Name the fastest animal.;Which is the fastest land animal?;Which animal runs the fastest?|What is the name of the fastest animal?;Tell me the fastest land animal.;What is the fastest animal in the world?
desertbig|The Sahara is the largest hot desert.|What is the largest desert?;Which desert is the largest?;What is the biggest hot desert on Earth?;Name the largest desert.;Which is the biggest desert?;Which desert is the biggest of all?|What is the name of the largest desert?;Tell me the biggest desert.;What is the biggest desert in the world?
country|Russia is the largest country.|What is the largest country?;Which country is the largest?;What is the biggest country on Earth?;Name the largest country.;Which is the biggest country?;Which country is the biggest of all?|What is the name of the largest country?;Tell me the biggest country.;What is the biggest country in the world?
planets|There are 8 planets in the solar system.|How many planets are there?;How many planets are in the solar system?;How many planets does the solar system have?;What is the number of planets?;How many planets go around the Sun?|How many planets orbit the Sun?;The solar system has how many planets?;How many planets are there in the solar system?
continents|There are 7 continents.|How many continents are there?;How many continents does the Earth have?;What is the number of continents?;How many continents are there on Earth?;Tell me how many continents there are.|The Earth has how many continents?;How many continents exist?;How many continents are in the world?
alphabet|The alphabet has 26 letters.|How many letters are in the alphabet?;How many letters does the alphabet have?;What is the number of letters in the alphabet?;How many letters are there in the English alphabet?;The alphabet has how many letters?|How many letters has the alphabet?;How many letters make up the alphabet?;How many letters are there in the alphabet?
rainbow|A rainbow has 7 colors.|How many colors are in a rainbow?;How many colors does a rainbow have?;How many colours does a rainbow have?;What is the number of colors in a rainbow?;A rainbow has how many colors?|How many colors has a rainbow?;How many colors are there in a rainbow?;How many colours are in the rainbow?
fingers|A hand has 5 fingers.|How many fingers are on a hand?;How many fingers does a hand have?;How many fingers do you have on one hand?;What is the number of fingers on a hand?;A hand has how many fingers?|How many fingers has a hand?;How many fingers are there on one hand?;How many fingers are on one hand?
wheels|A car has 4 wheels.|How many wheels does a car have?;How many wheels are on a car?;What is the number of wheels on a car?;A car has how many wheels?;How many wheels do cars have?|How many wheels has a car?;How many wheels are there on a car?;How many wheels are on one car?
bikewheels|A bicycle has 2 wheels.|How many wheels does a bicycle have?;How many wheels are on a bicycle?;What is the number of wheels on a bicycle?;A bicycle has how many wheels?;How many wheels do bicycles have?;How many wheels does a bike have?|How many wheels has a bicycle?;How many wheels are there on a bicycle?;How many wheels are on a bike?
water|Water is made of hydrogen and oxygen.|What is water made of?;What does water consist of?;Which elements make water?;What are the elements in water?;Water is made of what?|Which elements is water made of?;What elements are in water?;What is in water?
bees|Bees make honey.|Who makes honey?;What makes honey?;Which animal makes honey?;What do bees make?;Which insects make honey?;Where does honey come from?|What animal makes honey?;What insect makes honey?;What is it that bees make?
cowmilk|Cows give milk.|What do cows give?;Where does milk come from?;Which animal gives us milk?;Which animal gives milk?;What animal does milk come from?|What animal gives us milk?;What does a cow give?;From which animal does milk come?
sunrise|The sun rises in the east.|Where does the sun rise?;In which direction does the sun rise?;Where does the sun come up?;Which direction does the sun rise in?;The sun rises where?|In what direction does the sun rise?;Tell me where the sun rises.;From where does the sun rise?
sunset|The sun sets in the west.|Where does the sun set?;In which direction does the sun set?;Where does the sun go down?;Which direction does the sun set in?;The sun sets where?|In what direction does the sun set?;Tell me where the sun sets.;In which direction does the sun go down?
fish|Fish live in water.|Where do fish live?;Where does a fish live?;What do fish live in?;In what do fish live?;Fish live where?|Tell me where fish live.;Where can you find fish?;Where is it that fish live?
romeo|William Shakespeare wrote Romeo and Juliet.|Who wrote Romeo and Juliet?;Who is the author of Romeo and Juliet?;Which author wrote Romeo and Juliet?;Romeo and Juliet was written by whom?;Name the writer of Romeo and Juliet.|Who was Romeo and Juliet written by?;Who was the author of Romeo and Juliet?;Which writer wrote Romeo and Juliet?
monalisa|Leonardo da Vinci painted the Mona Lisa.|Who painted the Mona Lisa?;Who is the painter of the Mona Lisa?;Which artist painted the Mona Lisa?;The Mona Lisa was painted by whom?;Name the painter of the Mona Lisa.|Who was the Mona Lisa painted by?;Which painter made the Mona Lisa?;Who was the painter of the Mona Lisa?
gravity|Gravity makes things fall.|Why do things fall down?;What makes things fall?;Why do apples fall from trees?;What force makes things fall?;Why does a ball fall down?|Why do things fall?;What makes an apple fall?;Which force makes things fall down?
skyblue|The air scatters blue light the most.|Why is the sky blue?;What makes the sky blue?;How come the sky is blue?;Why does the sky look blue?;Can you explain why the sky is blue?|Why do we see a blue sky?;Tell me why the sky is blue.;What is the reason that the sky is blue?
eiffel|The Eiffel Tower is in Paris.|Where is the Eiffel Tower?;In which city is the Eiffel Tower?;Where can I find the Eiffel Tower?;Which city has the Eiffel Tower?;The Eiffel Tower is where?|In what city is the Eiffel Tower?;Where does the Eiffel Tower stand?;Tell me where the Eiffel Tower is.
bigben|Big Ben is in London.|Where is Big Ben?;In which city is Big Ben?;Where can I find Big Ben?;Which city has Big Ben?;Big Ben is where?|In what city is Big Ben?;Where does Big Ben stand?;Tell me where Big Ben is.
pyramids|The pyramids of Giza are in Egypt.|Where are the pyramids?;In which country are the pyramids?;Where can I find the pyramids?;Which country has the pyramids?;Where are the pyramids of Giza?|In what country are the pyramids?;Where do the pyramids stand?;Tell me where the pyramids are.
earthround|The Earth is round.|Is the Earth flat?;Is the Earth round?;What shape is the Earth?;What shape does the Earth have?;Is the earth a ball?|Which shape has the Earth?;Tell me the shape of the Earth.;Is the Earth flat or round?
""".strip().splitlines()
]

# This project: what it is about | answer | wordings | held-out wordings
PROJECT = [
    tuple(part.strip() for part in line.split("|"))
    for line in """
what|@fak is a set of npm packages that run Qwen3.5 and Qwen3.6 models on an engine of its own.|What is fak?;What is @fak?;Tell me about @fak.;Tell me about this project.;What is this project?;What is this project about?;What does fak do?;What does @fak do?;Explain fak.;Describe @fak.;What is the fak project?;Can you explain what fak is?;What kind of project is this?|Can you tell me what @fak is?;What is the @fak project about?;What does this project do?;Explain this project to me.
npmstart|npm start sets everything up and opens a chat with the demo model.|What does npm start do?;What is npm start?;What happens when I run npm start?;What is npm start for?;Explain npm start.;Why would I run npm start?;Tell me about npm start.;What happens if I type npm start?|What is the command npm start for?;Can you explain npm start?;What will npm start do?
howchat|Run npm start to chat with the demo model.|How do I start a chat?;How do I start the chat?;How can I chat with you?;How do I start?;How do I run the demo?;How can I run the demo model?;Which command starts the chat?;How do I talk to the demo model?;How do I use this project?|What command starts a chat?;How can I start a chat?;How can I talk to the demo model?
npmtest|npm test sets everything up and runs every test.|What does npm test do?;What is npm test?;What happens when I run npm test?;What is npm test for?;Explain npm test.;Why would I run npm test?;Tell me about npm test.;What happens if I type npm test?|What is the command npm test for?;Can you explain npm test?;What will npm test do?
howtest|Run npm test to run every test.|How do I run the tests?;How can I run the tests?;Which command runs the tests?;How do I test this project?;How do I start the tests?;How can I test it?|What command runs the tests?;How can I test this project?;How are the tests run?
chat|fak chat talks to a model, by default to this demo model.|What does fak chat do?;What is fak chat?;What is fak chat for?;Explain fak chat.;Tell me about fak chat.;What is the chat command?;What does the chat command do?;When do I use fak chat?|What is the command fak chat for?;Can you explain fak chat?;What will fak chat do?
eval|fak eval runs given token ids through a model and prints its predictions.|What does fak eval do?;What is fak eval?;What is fak eval for?;Explain fak eval.;Tell me about fak eval.;What is the eval command?;What does the eval command do?;When do I use fak eval?|What is the command fak eval for?;Can you explain fak eval?;What will fak eval do?
bench|fak bench measures load time, prefill speed and decode speed.|What does fak bench do?;What is fak bench?;What is fak bench for?;Explain fak bench.;Tell me about fak bench.;What is the bench command?;What does the bench command do?;When do I use fak bench?;What does fak bench measure?|What is the command fak bench for?;Can you explain fak bench?;What will fak bench do?
inspect|fak inspect shows the metadata and tensors of a model file.|What does fak inspect do?;What is fak inspect?;What is fak inspect for?;Explain fak inspect.;Tell me about fak inspect.;What is the inspect command?;What does the inspect command do?;When do I use fak inspect?|What is the command fak inspect for?;Can you explain fak inspect?;What will fak inspect do?
tokenize|fak tokenize shows the token ids and pieces of a text.|What does fak tokenize do?;What is fak tokenize?;What is fak tokenize for?;Explain fak tokenize.;Tell me about fak tokenize.;What is the tokenize command?;What does the tokenize command do?;When do I use fak tokenize?|What is the command fak tokenize for?;Can you explain fak tokenize?;What will fak tokenize do?
info|fak info shows the machine, its kernels and what is missing.|What does fak info do?;What is fak info?;What is fak info for?;Explain fak info.;Tell me about fak info.;What is the info command?;What does the info command do?;When do I use fak info?|What is the command fak info for?;Can you explain fak info?;What will fak info do?
howspeed|Use fak bench to measure the speed.|How do I measure the speed?;How can I measure the speed?;Which command measures the speed?;How do I benchmark a model?;How fast is my machine with fak?;Which command is a benchmark?|What command measures the speed?;How can I benchmark a model?;How is the speed measured?
howinspect|Use fak inspect to look into a model file.|How do I look into a model file?;How can I see the tensors of a file?;Which command shows the metadata of a file?;How do I inspect a GGUF file?;How do I see what is in a model file?|What command shows the tensors of a file?;How can I look into a GGUF file?;How can I inspect a model file?
howtokens|Use fak tokenize to see the tokens of a text.|How do I see the tokens of a text?;How can I see token ids?;Which command shows tokens?;How do I tokenize a text?;How do I count the tokens of a text?|What command shows the tokens of a text?;How can I tokenize a text?;How can I see the tokens of a text?
commands|The commands are chat, eval, bench, inspect, tokenize and info.|Which commands are there?;What commands are there?;What commands does fak have?;List the commands.;Which commands does fak have?;Name the commands of fak.;What are the commands?;Show me the commands of fak.|Can you list the commands of fak?;What are the fak commands?;Tell me the commands of fak.
packages|The packages include tensor, gguf, safetensors, tokenizer, chat, graph, layers, session and cli.|Which packages are there?;What packages are there?;What packages does fak have?;List the packages.;Which packages does fak have?;Name the packages of fak.;What are the packages?;Show me the packages of fak.|Can you list the packages of fak?;What are the fak packages?;Tell me the packages of fak.
models|@fak runs the Qwen3.5 and Qwen3.6 families.|Which models are supported?;What models are supported?;Which models does fak run?;What models can fak run?;Which models can I use?;What models does fak support?;Which model families work with fak?;Does fak run Qwen3.5?;Does fak support Qwen?|Can you tell me which models fak supports?;What models does it run?;Which models does fak support?
formats|@fak reads GGUF and safetensors files.|Which file formats are supported?;What file formats are supported?;Which file formats does fak read?;What formats can fak read?;Which model files can I use?;What file formats does fak support?;Does fak read GGUF files?;Does fak read safetensors?|Can you tell me which file formats fak reads?;What file formats does it read?;Which formats does fak support?
licence|@fak has the MIT licence.|What is the licence?;What is the license?;Which licence does fak have?;Which license does this project have?;Under which licence is fak?;What licence does @fak use?;Is fak open source?;How is fak licensed?|Can you tell me the licence of fak?;What is the licence of fak?;What license is used?
language|@fak is written in TypeScript and C++.|In which language is fak written?;What language is fak written in?;Which programming language does fak use?;Which programming languages are used?;What is fak written in?;What is @fak programmed in?;Is fak written in Python?|Can you tell me what language fak is written in?;What programming language does it use?;In what language is fak written?
node|@fak needs Node 20.19 or newer.|Which version of Node do I need?;Which Node version is needed?;What Node version does fak need?;Does fak need Node?;Which Node.js version does it need?;What version of Node.js do I need?|Can you tell me which Node version fak needs?;What Node version do I need?;Which version of Node does fak need?
compiler|You need a C++17 compiler and CMake for the fast kernels.|Do I need a compiler?;Which compiler do I need?;Is a compiler needed?;What do I need to build it?;What do I need for the native kernels?;What do the fast kernels need?;Do I need CMake?|Can you tell me which compiler I need?;What compiler do I need?;Is CMake needed?
nocompiler|Without a compiler fak runs on the reference executor, which is slower.|What if I have no compiler?;What happens without a compiler?;Does it work without a compiler?;Can I use fak without a compiler?;I have no compiler, does it still work?|Will it work without a compiler?;Can it run without a compiler?;What happens if there is no compiler?
llamacpp|@fak does not use llama.cpp, it has an engine of its own.|Does fak use llama.cpp?;Is llama.cpp inside fak?;Is fak built on llama.cpp?;Do you use llama.cpp?;Is this llama.cpp?;Is fak a wrapper for llama.cpp?|Is llama.cpp used by fak?;Does it use llama.cpp?;Is fak based on llama.cpp?
python|You do not need Python to use @fak.|Do I need Python?;Does fak need Python?;Is Python needed?;Is Python required?;Can I use fak without Python?;Must I install Python?|Will I need Python?;Do I have to install Python?;Does it need Python?
browser|Yes, most packages of @fak also run in a browser.|Does fak run in a browser?;Can I use fak in a browser?;Does it work in the browser?;Is fak browser-safe?;Which packages run in a browser?;Can fak run on a web page?|Will fak run in the browser?;Can it run in a browser?;Does fak work in a browser?
model|Use the option -m to choose a model.|How do I choose a model?;How can I use another model?;How do I load another model?;How can I pick a model?;How do I use my own model?;What does the option -m do?;What is -m for?;Which option do I need for another model?;With which option do I pick a model?;Which flag is for the model?|What option chooses the model?;How can I choose a model?;How can I load my own model?
prompt|Use the option -p to ask one question.|How do I ask just one question?;How do I pass a prompt?;How can I give a prompt on the command line?;What does the option -p do?;What is -p for?;How do I get one answer and leave?;Which option do I need for one question?;With which option do I give a prompt?;Which flag is for the prompt?|What option passes a prompt?;How can I ask one question?;How can I pass a prompt?
seedopt|Use the option --seed to set the seed.|How do I set the seed?;How can I set the seed?;How can I get the same answer twice?;What does the option --seed do?;What is --seed for?;How do I make answers repeatable?;Which option do I need for the seed?;With which option do I fix the seed?;Which flag is for the seed?|What option sets the seed?;How can I choose the seed?;How can I make answers repeatable?
tempopt|Use the option --temp to set the temperature.|How do I set the temperature?;How can I set the temperature?;How can I change the temperature?;What does the option --temp do?;What is --temp for?;How do I make answers less random?;Which option do I need for the temperature?;With which option do I change the temperature?;Which flag is for the temperature?|What option sets the temperature?;How can I choose the temperature?;How do I change the temperature?
sysopt|Use the option --system to give a system prompt.|How do I set a system prompt?;How can I give a system prompt?;How can I change the system prompt?;What does the option --system do?;What is --system for?;How do I pass a system message?;Which option do I need for a system prompt?;With which option do I give a system prompt?;Which flag is for the system prompt?|What option sets the system prompt?;How can I set a system prompt?;How do I give a system prompt?
nothink|Use the option --no-think to turn thinking off.|How do I turn thinking off?;How can I turn off thinking?;How can I disable thinking?;What does the option --no-think do?;What is --no-think for?;How do I stop the thinking?;Which option do I need to stop thinking?;With which option do I switch thinking off?;Which flag is against thinking?|What option turns thinking off?;How can I stop the thinking?;How do I disable thinking?
json|Use the option --json to get JSON output.|How do I get JSON output?;How can I get JSON?;How can I read the output in a script?;What does the option --json do?;What is --json for?;How do I print JSON?;Which option do I need for JSON?;With which option do I get JSON?;Which flag is for JSON?|What option gives JSON output?;How can I get the output as JSON?;How can I print JSON?
help|Type /help to see the chat commands.|What does /help do?;How do I get help in the chat?;How do I see the chat commands?;What is /help for?;Which chat commands are there?;How can I get help?|What will /help do?;How can I see the chat commands?;How do I get help?
clear|Type /clear to forget the conversation.|What does /clear do?;How do I clear the chat?;How do I forget the conversation?;What is /clear for?;How can I start a new conversation?;How can I clear the history?|What will /clear do?;How can I clear the chat?;How do I start a new conversation?
exit|Type /exit to leave the chat.|What does /exit do?;How do I leave the chat?;How do I quit?;What is /exit for?;How can I exit?;How can I leave the chat?;How do I end the chat?|What will /exit do?;How can I quit the chat?;How do I exit?
pkg-tensor|The tensor package owns data types, block layouts and errors.|What is in the tensor package?;What does the tensor package do?;What is the tensor package for?;What is @fak/tensor?;Explain the tensor package.;Tell me about @fak/tensor.|What does @fak/tensor do?;What is @fak/tensor for?;Can you explain the tensor package?
pkg-gguf|The gguf package reads and writes GGUF files.|What is in the gguf package?;What does the gguf package do?;What is the gguf package for?;What is @fak/gguf?;Explain the gguf package.;Tell me about @fak/gguf.|What does @fak/gguf do?;What is @fak/gguf for?;Can you explain the gguf package?
pkg-safetensors|The safetensors package reads and writes safetensors files.|What is in the safetensors package?;What does the safetensors package do?;What is the safetensors package for?;What is @fak/safetensors?;Explain the safetensors package.;Tell me about @fak/safetensors.|What does @fak/safetensors do?;What is @fak/safetensors for?;Can you explain the safetensors package?
pkg-tokenizer|The tokenizer package turns text into tokens and back.|What is in the tokenizer package?;What does the tokenizer package do?;What is the tokenizer package for?;What is @fak/tokenizer?;Explain the tokenizer package.;Tell me about @fak/tokenizer.|What does @fak/tokenizer do?;What is @fak/tokenizer for?;Can you explain the tokenizer package?
pkg-chat|The chat package renders chat templates and parses answers.|What is in the chat package?;What does the chat package do?;What is the chat package for?;What is @fak/chat?;Explain the chat package.;Tell me about @fak/chat.|What does @fak/chat do?;What is @fak/chat for?;Can you explain the chat package?
pkg-graph|The graph package records a program that executors run.|What is in the graph package?;What does the graph package do?;What is the graph package for?;What is @fak/graph?;Explain the graph package.;Tell me about @fak/graph.|What does @fak/graph do?;What is @fak/graph for?;Can you explain the graph package?
pkg-layers|The layers package has the building blocks of models.|What is in the layers package?;What does the layers package do?;What is the layers package for?;What is @fak/layers?;Explain the layers package.;Tell me about @fak/layers.|What does @fak/layers do?;What is @fak/layers for?;Can you explain the layers package?
pkg-session|The session package keeps the state and produces tokens.|What is in the session package?;What does the session package do?;What is the session package for?;What is @fak/session?;Explain the session package.;Tell me about @fak/session.|What does @fak/session do?;What is @fak/session for?;Can you explain the session package?
pkg-kernels|The kernels-native package is the C++ executor.|What is in the kernels-native package?;What does the kernels-native package do?;What is the kernels-native package for?;What is @fak/kernels-native?;Explain the kernels-native package.;Tell me about @fak/kernels-native.|What does @fak/kernels-native do?;What is @fak/kernels-native for?;Can you explain the kernels-native package?
pkg-model|The model-qwen35 package describes the Qwen3.5 decoder.|What is in the model-qwen35 package?;What does the model-qwen35 package do?;What is the model-qwen35 package for?;What is @fak/model-qwen35?;Explain the model-qwen35 package.;Tell me about @fak/model-qwen35.|What does @fak/model-qwen35 do?;What is @fak/model-qwen35 for?;Can you explain the model-qwen35 package?
pkg-demo|The demo-model package holds this small trained model.|What is in the demo-model package?;What does the demo-model package do?;What is the demo-model package for?;What is @fak/demo-model?;Explain the demo-model package.;Tell me about @fak/demo-model.|What does @fak/demo-model do?;What is @fak/demo-model for?;Can you explain the demo-model package?
pkg-cli|The cli package is the fak command.|What is in the cli package?;What does the cli package do?;What is the cli package for?;What is @fak/cli?;Explain the cli package.;Tell me about @fak/cli.|What does @fak/cli do?;What is @fak/cli for?;Can you explain the cli package?
""".strip().splitlines()
]

# Small talk: intent | answer | wordings | held-out wordings
SMALL_TALK = [
    tuple(part.strip() for part in line.split("|"))
    for line in """
hello|Hello! How can I help you?|Hello;Hello!;Hi;Hi!;Hi there;Hi there!;Hey;Hey!;Hey there!;Hello there;Hello there!;Hello, model!;Hello, how do you do?;Greetings!;Howdy;Good day!;Hello friend;hi fak;hello fak;Hey you;Hello bot;Hello, nice to see you.;Hello to you!;Hi, how nice to see you!;Hello again!;Hey, hello!;Hi all!|Hello demo model!;Hi friend!;Hey fak!;Hi, model!
morning|Good morning! How can I help you?|Good morning;Good morning!;Morning!;Good morning to you!;A very good morning!;Good morning, model.;Hello, good morning!;Hi, good morning.|Good morning, friend!;Good morning there!;A good morning to you.
evening|Good evening! How can I help you?|Good evening;Good evening!;Evening!;Good evening to you!;A very good evening!;Good evening, model.;Hello, good evening!;Hi, good evening.|Good evening, friend!;Good evening there!;A good evening to you.
night|Good night! Sleep well.|Good night;Good night!;Night!;Night night;Good night to you!;I am going to bed.;Time to sleep, good night.;Good night, model.;I go to sleep now.;Good night, sleep well.;I need to sleep.;It is late, good night.;Off to bed now.|Good night, friend!;Good night there!;I am going to sleep now.
howareyou|I am fine, thank you. How can I help you?|How are you?;How are you doing?;How is it going?;Are you well?;How do you feel?;How are you today?;What's up?;How are things?;Are you fine?;Hi, how are you?;Hello, how are you today?;How are you feeling?;How is your day?;Are you OK?;Is everything fine?;How have you been?;How are you now?;Do you feel well?;How are you this morning?|How are you doing today?;How are you these days?;How do you feel today?
thanks|You are welcome!|Thanks;Thanks!;Thank you;Thank you!;Thank you very much.;Thanks a lot!;Many thanks;Thank you so much!;Great, thanks!;OK, thank you.;Cool, thanks;Perfect, thank you.;thx;Thanks for your help.;Thank you for the answer.;Nice, thank you!;Very helpful, thanks.;Thanks for that!;Thank you for telling me.;That helped, thanks.;Thank you, model.;Thanks, that is all.;Thank you for this.;Wonderful, thank you.;Thanks again!|Thanks for the answer!;Great, thank you!;Thank you for your help!;OK, thanks!
bye|Goodbye! Have a nice day.|Bye;Bye!;Goodbye;Goodbye!;See you;See you later!;Bye bye;See you soon.;I have to go now.;I must leave now.;Goodbye, model.;Until next time!;So long!;That is all, bye.;Thanks, bye!;Farewell.;OK, goodbye.;I am leaving.;Have a nice day!;Bye for now.;I am going now.;I need to go.;Goodbye for today.;See you next time.;Bye, my friend.|Goodbye, friend!;See you tomorrow!;Goodbye and thank you!;I have to leave now.
who|I am a very small demo model of the @fak project.|Who are you?;What are you?;Who am I talking to?;Tell me about yourself.;Introduce yourself.;What is your name?;What's your name?;Do you have a name?;What should I call you?;Please introduce yourself.;Describe yourself.;What kind of model are you?;Who is this?;Which model are you?;What model is this?;Say who you are.;What do I call you?;Can you describe yourself?;Give me your name.;May I know your name?;Say something about yourself.;Who is speaking?;Who am I chatting with?;What sort of program are you?;Who is there?;Could you say who you are?|Can you introduce yourself?;Can you tell me who you are?;Who am I speaking with?;What sort of model are you?
can|I can answer short questions about capitals, colors, days, small sums and this project.|What can you do?;What are you able to do?;What do you know?;How can you help me?;What can I ask you?;What can you help me with?;What questions can you answer?;Which questions can I ask?;What are your skills?;Help;Help me.;What are you good at?;What topics do you know?;What can I do here?;What is it you can do?;Which things do you know?;What do you understand?;Tell me what you can do.;List your skills.;What topics can I ask about?;What may I ask?;What can I ask about?;What are you for?;What is it that you know?|What questions can I ask you?;What things can you do?;What can you answer?;What do you know about?
made|I was trained by the authors of @fak with a script in this repository.|Who made you?;Who trained you?;Who created you?;Who built you?;Where do you come from?;How were you made?;How were you trained?;Who is your creator?;Who are your authors?;Who developed you?;By whom were you trained?;Who is behind you?;Who did train you?;Who programmed you?;Say who made you.;Who are the people who made you?|Who wrote you?;Can you tell me who made you?;Who was it that trained you?
size|I have about 4 million parameters, which is very small.|How big are you?;How many parameters do you have?;How large are you?;What is your size?;How small are you?;How many weights do you have?;What size are you?;Are you a large model?;Are you a big model?;What is your number of parameters?;Say how big you are.;Tell me your size.;How many parameters are in you?;How large is this model?|How many parameters has this model?;Can you tell me how big you are?;What is the size of this model?
human|No, I am a very small computer program.|Are you human?;Are you a human?;Are you a person?;Are you a robot?;Are you real?;Are you alive?;Am I talking to a human?;Are you a real person?;Is this a human?;Are you a man or a woman?;Are you a machine?;Are you a bot?;Are you living?;Is this a real person?;Am I talking to a machine?;Are you some human?|Are you a living person?;Am I talking to a real person?;Are you a human being?
gpt|No, I am a very small demo model of the @fak project.|Are you ChatGPT?;Are you GPT?;Are you Qwen?;Are you Claude?;Are you Gemini?;Are you Llama?;Is this ChatGPT?;Is this Qwen?;Are you made by OpenAI?;Are you made by Google?;Are you GPT-4?;Am I talking to ChatGPT?;Am I talking to GPT?;Are you some other model?;Is this Claude?;Is this Llama?;Are you Mistral?;Are you really Qwen?|Am I talking to Qwen?;Is this GPT?;Are you really ChatGPT?
feel|I am a program, so I do not have feelings.|Do you have feelings?;Can you feel?;Are you happy?;Are you sad?;Do you feel pain?;Can you love?;Do you love me?;Are you angry?;Do you have emotions?;Are you tired?;Are you bored?;Do you feel anything?;Can you feel joy?;Can you be sad?;Do you have a heart?;Do you feel sad?|Do you have any feelings?;Can you feel pain?;Do you feel love?
mistakes|Yes, I am very small and I make many mistakes.|Do you make mistakes?;Can you be wrong?;Are you always right?;Can I trust you?;Are your answers correct?;Can I rely on you?;Do you ever make errors?;Are you reliable?;Are you ever wrong?;Is what you say true?;Do you sometimes make mistakes?;Can I believe you?;Are you sometimes wrong?|Do you ever make mistakes?;Can I trust your answers?;Can you make mistakes?
internet|No, I run on your machine and know only what I learned.|Can you search the internet?;Are you connected to the internet?;Do you have internet access?;Can you browse the web?;Can you look things up?;Do you use the internet?;Can you search the web?;Are you on the internet?;Can you go online?;Do you look at web pages?;Can you open a web page?;Do you go online?|Can you access the internet?;Do you browse the web?;Are you online?
where|I run on your own machine.|Where do you run?;Where are you?;Where do you live?;Do you run in the cloud?;Are you running locally?;Where are you running?;Do you run on my computer?;Is this running on a server?;On which machine do you run?;In what place are you?;Are you local?;Do you run here?;Where is this running?|Where is it that you run?;Do you run locally?;Are you in the cloud?
speak|I speak a little English.|Which languages do you speak?;What languages do you speak?;Do you speak English?;Do you speak German?;Do you speak French?;Can you speak Spanish?;What language do you speak?;Which language do you know?;Which languages do you know?;Can you speak French?;Do you understand English?;What languages can you speak?;Do you know German?|What languages do you know?;Can you speak German?;Do you speak Spanish?
yes|Good. What would you like to know?|Yes;Yes.;OK;OK.;Okay;Sure;Good;Great!;Nice;Cool;Well done!;I see.;All right.;Fine;Right;Interesting;Good job!;Super!;Excellent.;Wonderful!;That is good.;Makes sense.;I got it.;Understood.;Very well.;That is nice!;Perfect.;Great job!;Very nice.|That is great!;I understand.;Very good!
sorry|No problem at all.|Sorry;Sorry!;I am sorry.;Excuse me.;My mistake.;Pardon me.;Oh, sorry!;I apologize.;Sorry about that.;I am very sorry.;Oh no, sorry.;Sorry, my fault.;Forgive me.;Sorry about it.;My apologies.|I am so sorry.;Oops, sorry.;Sorry for that.
joke|Why did the token cross the road? To get to the next line.|Tell me a joke.;Do you know a joke?;Make me laugh.;Say something funny.;Can you tell a joke?;I want to hear a joke.;A joke, please.;Do you know any jokes?;Tell one joke.;Give me a joke.;Say a joke.;Please tell me a joke.;Something funny, please.|Can you tell me a joke?;Please tell a joke.;Tell me something funny.
story|Once upon a time there was a very small model. It knew the capitals of many countries, and it could add small numbers. One day somebody typed npm start, and the small model said hello. They talked until the evening, and everybody was happy.|Tell me a story.;Do you know a story?;Write a story.;Can you tell a story?;I want to hear a story.;A story, please.;Tell me a short story.;Write a short story for me.;Tell a bedtime story.;Give me a story.;Please tell me a story.;Tell me your story.;Make up a story.;Can you write a story?|Can you tell me a story?;Please tell a story.;Write me a short story.
poem|Roses are red, the sky is blue, I am a small model, and I learned this for you.|Write a poem.;Tell me a poem.;Do you know a poem?;Can you write a poem?;I want to hear a poem.;A poem, please.;Write a short poem for me.;Say a poem.;Give me a poem.;Please write a poem for me.;Make a poem.;Recite a poem.;Can you say a poem?|Can you write me a poem?;Please write a poem.;Write me a short poem.
fact|Here is a fact: honey bees have six legs and four wings.|Tell me a fact.;Tell me something interesting.;Do you know a fun fact?;Say something interesting.;A fun fact, please.;Give me a fact.;Tell me something new.;Tell me a fun fact.;Give me a fun fact.;Please tell me a fact.;An interesting fact, please.;Do you know a fact?|Can you tell me a fact?;Please tell me a fun fact.;Give me an interesting fact.
""".strip().splitlines()
]

# Lists, which are the longer answers: intent | answer | wordings | held-out wordings
LISTS = [
    tuple(part.strip() for part in line.split("|"))
    for line in """
days|The days of the week are Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and Sunday.|What are the days of the week?;Name the days of the week.;List the days of the week.;Tell me the days of the week.;Which days does a week have?;Say the days of the week.;Can you list the days of the week?|What are the seven days of the week?;Can you name the days of the week?;Please list all the days of the week.
months|The months are January, February, March, April, May, June, July, August, September, October, November and December.|What are the months of the year?;Name the months of the year.;List the months of the year.;Tell me the months of the year.;Which months does a year have?;Say the months of the year.;Can you list the months?;List the months.|What are the twelve months of the year?;Can you name the months of the year?;Please list all the months.
planets|The planets are Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus and Neptune.|What are the planets?;Name the planets.;List the planets.;Tell me the planets of the solar system.;Which planets are there?;Say the planets in order.;Can you list the planets?;Name the planets of the solar system.|What are the planets of the solar system?;Can you name the planets?;Please list all the planets.
alphabet|A B C D E F G H I J K L M N O P Q R S T U V W X Y Z|Say the alphabet.;Recite the alphabet.;What is the alphabet?;List the letters of the alphabet.;Tell me the alphabet.;Write the alphabet.;What are the letters of the alphabet?;Can you say the alphabet?|Can you recite the alphabet?;Please say the alphabet.;Name the letters of the alphabet.
rainbow|The colors of the rainbow are red, orange, yellow, green, blue, indigo and violet.|What are the colors of the rainbow?;Name the colors of the rainbow.;List the rainbow colors.;Tell me the colors of a rainbow.;Which colors are in a rainbow?;Which colors does a rainbow have?;What are the colours of the rainbow?|Can you name the colors of the rainbow?;What are the seven colors of the rainbow?;Please list the colors of the rainbow.
continents|The continents are Africa, Antarctica, Asia, Europe, North America, Oceania and South America.|What are the continents?;Name the continents.;List the continents.;Tell me the continents.;Which continents are there?;Say the seven continents.;Can you list the continents?;Name the seven continents.|What are the seven continents?;Can you name the continents?;Please list all the continents.
""".strip().splitlines()
]

NAMES = """Ana Ben Carla David Emma Felix Grace Henry Iris Jack Karen Leo Maria Nina Oscar Paul Rosa Sam Tom Vera Will
Zoe Alice Bob Clara Daniel Eva Frank Greta Hugo Ida John Kate Lucy Mark Nora Olga Peter Ruth Simon Tina Victor Anna
Lena Max Mia Noah Otto Sarah Jonas Julia Luis Pablo Yuki Kenji Amir Fatima Ravi Priya""".split()

SYSTEM_PROMPTS = [
    "You are a helpful assistant.", "You are a helpful model.", "You are a friendly assistant.", "Be brief.",
    "Answer in one short sentence.", "Answer briefly.", "You are a very small demo model.", "Be polite.",
    "You are an assistant that answers short questions.", "Answer the question of the user.", "Be kind and short.",
    "You are fak.", "You are a teacher.", "Keep your answers short.", "You are a helpful assistant. Be concise.",
]

UNKNOWN_ANSWER = "I do not know that. I am a very small demo model."
